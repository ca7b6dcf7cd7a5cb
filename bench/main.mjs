/** `npm run bench`: the speed of our training steps beside that of others, as tables and as JSON in bench/results. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compete, overhead } from "./compete.mjs";
import { entries, launch } from "./contenders/index.mjs";
import { watchMemory } from "./memory.mjs";
import { readOptions, usage } from "./options.mjs";
import { installPeers } from "./peers.mjs";
import { loadWorkload, workloadNames, writeProblem } from "./problem.mjs";
import { memoryText, workloadText } from "./report.mjs";

/**
 * @typedef {object} WorkloadResult
 * @property {string} name
 * @property {string} title
 * @property {import("./compete.mjs").Standing[]} standings ours first
 * @property {Awaited<ReturnType<typeof overhead>>} overhead of our step over ONNX Runtime alone, as a fraction
 * @property {{ name: string, why: string }[]} missing
 *
 * @typedef {{ name: string, workload: import("./workloads/workload.mjs").Workload, stem: string }} Problem
 */

const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);

/** @param {import("./options.mjs").Options} options */
async function main(options) {
  const print = (/** @type {string} */ text) => options.json || process.stdout.write(`${text}\n\n`);
  const scratch = mkdtempSync(join(tmpdir(), "paperweight-bench-"));
  const report = {
    time: new Date().toISOString(),
    machine: machine(),
    options,
    workloads: [],
    memory: undefined,
  };
  try {
    const problems = [];
    for (const name of options.workloads) {
      const workload = await loadWorkload(name);
      const stem = join(scratch, name);
      await writeProblem(workload, stem);
      problems.push({ name, workload, stem });
    }
    if (!options.memoryOnly) {
      const why = await peersMissing();
      for (const problem of problems) {
        const result = await measure(problem, options, why);
        report.workloads.push(result);
        print(workloadText(result));
      }
    }
    const memory = await measureMemory(problems.find((p) => p.name === "mlp") ?? problems[0], options);
    report.memory = memory;
    print(memoryText(memory, options.memoryOnly));
  } finally {
    rmSync(scratch, { recursive: true });
  }
  const json = JSON.stringify(report, undefined, 2);
  if (options.json) process.stdout.write(`${json}\n`);
  say(`written: ${write(json, report.time)}`);
  return report.workloads.every((w) => w.standings.every((s) => s.sameWork)) ? 0 : 1;
}

/** @returns {Promise<string | undefined>} why the JavaScript peers cannot be had */
async function peersMissing() {
  try {
    installPeers(say);
    return undefined;
  } catch (error) {
    return error.message;
  }
}

/**
 * @param {Problem} problem
 * @param {import("./options.mjs").Options} options
 * @param {string | undefined} noPeers
 * @returns {Promise<WorkloadResult>}
 */
async function measure(problem, { rounds, slice, pairs, threads }, noPeers) {
  const running = [];
  const missing = [];
  try {
    for (const entry of entries) {
      say(`${problem.name}: starting ${entry.name}`);
      try {
        if (entry.peer && noPeers !== undefined) throw new Error(noPeers);
        running.push(await launch(entry, problem, threads));
      } catch (error) {
        if (running.length === 0) throw error;
        missing.push({ name: entry.name, why: error.message });
      }
    }
    const standings = await compete(running, { rounds, slice }, (line) => say(`${problem.name}: ${line}`));
    say(`${problem.name}: our step and ONNX Runtime alone`);
    const cost = await overhead(running[0], { pairs, slice: slice / 8 });
    return { name: problem.name, title: problem.workload.title, standings, overhead: cost, missing };
  } finally {
    for (const contender of running) contender.stop();
  }
}

/** @param {Problem} problem @param {import("./options.mjs").Options} options */
async function measureMemory(problem, { threads, steps }) {
  say(`${problem.name}: memory over ${steps} steps`);
  const ours = await launch(entries[0], problem, threads);
  try {
    return { workload: problem.name, ...(await watchMemory(ours, steps)) };
  } finally {
    ours.stop();
  }
}

function machine() {
  const cores = cpus();
  return {
    processor: cores[0]?.model.trim(),
    cores: cores.length,
    memory: totalmem(),
    load: loadavg()[0],
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
  };
}

/** @param {string} json @param {string} time */
function write(json, time) {
  const folder = fileURLToPath(new URL("./results/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${time.replaceAll(":", "-").replace(/\..*/, "")}.json`);
  writeFileSync(file, json);
  return file;
}

const known = await workloadNames();
let options;
try {
  options = readOptions(process.argv.slice(2), known);
} catch (error) {
  say(error.message);
  process.exit(2);
}
if (options === "help") {
  process.stdout.write(usage(known));
} else {
  try {
    process.exitCode = await main(options);
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
}
