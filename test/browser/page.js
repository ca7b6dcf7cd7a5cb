/** The page of the tests: it offers the programs to them. */
import { library } from "./library.js";
import { programs } from "./programs.ts";

/** Run in a task of its own: in the task of a debugger, which the tests are, the policy of the page does not hold. */
function later(run) {
  return new Promise((resolve, reject) => {
    setTimeout(() => Promise.resolve().then(run).then(resolve, reject));
  });
}

Object.assign(window, {
  start: (name, options) => later(() => programs[name](library, options)),
  startInWorker: (name, options) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage([name, options]);
    }),
  /** What becomes of an attempt to evaluate text: "EvalError" where the policy forbids it. */
  evaluation: () => later(() => new Function("return 1")()).then(String, (error) => error.name),
});
