/** The page of the tests: it offers the programs to them. */
import * as core from "paperweight";
import * as nn from "paperweight/nn";
import * as optim from "paperweight/optim";
import * as exporting from "./node_modules/paperweight/src/onnx/export.ts";
import * as runtime from "./node_modules/paperweight/src/runtime/session.ts";
import { type Library, programs } from "./programs.ts";

const library = { core, nn, optim, exporting, runtime } as unknown as Library;

/** In a task of its own: in the task of a debugger, which the tests are, the policy of the page does not hold. */
function later<T>(run: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => setTimeout(() => Promise.resolve().then(run).then(resolve, reject)));
}

Object.assign(window, {
  start: (name: keyof typeof programs, options: never) => later(() => programs[name](library, options)),
  /** What becomes of an attempt to evaluate text: "EvalError" where the policy forbids it. */
  evaluation: () =>
    later(() => new Function("return 1")() as unknown).then(String, (error: Error) => error.name),
});
