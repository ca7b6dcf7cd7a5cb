/** Started with node: one program, its options as JSON; prints its result, or the message of its error. */
import * as core from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as onnx from "../../src/onnx/index.ts";
import * as optim from "../../src/optim/index.ts";
import { programs } from "./programs.ts";

const options = JSON.parse(process.argv[2]!) as Parameters<typeof programs.train>[1];
const result = await programs
  .train({ core, nn, onnx, optim }, options)
  .catch((error: Error) => ({ error: error.message }));
console.log(JSON.stringify(result));
