/** The packages of a user's project. It is no TypeScript: types would be looked for in this one. */
import * as core from "paperweight";
import * as nn from "paperweight/nn";
import * as optim from "paperweight/optim";
import * as exporting from "./node_modules/paperweight/src/onnx/export.ts";
import * as runtime from "./node_modules/paperweight/src/runtime/session.ts";

export const library = { core, nn, optim, exporting, runtime };
