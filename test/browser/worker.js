/** Runs the programs that it is sent. */
import { library } from "./library.js";
import { programs } from "./programs.ts";

self.onmessage = async ({ data: [name, options] }) =>
  self.postMessage(await programs[name](library, options));
