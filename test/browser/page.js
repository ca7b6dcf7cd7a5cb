/** The page of the tests: it offers the programs to them. It is no TypeScript, as its packages are those of another project. */
import * as core from "paperweight";
import * as nn from "paperweight/nn";
import * as optim from "paperweight/optim";
import * as exporting from "./node_modules/paperweight/src/onnx/export.ts";
import * as runtime from "./node_modules/paperweight/src/runtime/session.ts";
import { programs } from "./programs.ts";

/** Run in a task of its own: in the task of a debugger, which the tests are, the policy of the page does not hold. */
function later(run) {
  return new Promise((resolve, reject) => {
    setTimeout(() => Promise.resolve().then(run).then(resolve, reject));
  });
}

Object.assign(window, {
  start: (name, options) => later(() => programs[name]({ core, nn, optim, exporting, runtime }, options)),
  /** What becomes of an attempt to evaluate text: "EvalError" where the policy forbids it. */
  evaluation: () => later(() => new Function("return 1")()).then(String, (error) => error.name),
});
