#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { papers } from "../papers/index.ts";
import { processIo } from "./io.ts";
import { runCli } from "./program.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};
process.exitCode = await runCli(process.argv.slice(2), processIo(), papers, version);
