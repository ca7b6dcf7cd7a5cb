/** The packages of a user's project. It is no TypeScript: types would be looked for in this one. */
import * as core from "paperweight";
import * as nn from "paperweight/nn";
import * as onnx from "paperweight/onnx";
import * as optim from "paperweight/optim";

export const library = { core, nn, onnx, optim };
