/** `npm run bench`: the speed of our training steps beside that of others, as tables and as JSON in bench/results. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { agree, checkedStep, compete, overhead } from "./compete.mjs";
import { entries, launch, matmul } from "./contenders/index.mjs";
import { watchMemory } from "./memory.mjs";
import { readOptions, usage } from "./options.mjs";
import { installPeers } from "./peers.mjs";
import { loadWorkload, workloadNames, writeProblem } from "./problem.mjs";
import { checkText, memoryText, profileText, summaryText, workloadText } from "./report.mjs";

/**
 * @typedef {object} WorkloadResult
 * @property {string} name
 * @property {string} title
 * @property {number} checked the step whose losses are compared
 * @property {import("./compete.mjs").Standing[]} standings ours first
 * @property {import("./compete.mjs").Peak} peak
 * @property {Awaited<ReturnType<typeof overhead>>} [overhead] of our step over ONNX Runtime alone, as a fraction
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
    if (options.profile) {
      for (const problem of problems) print(profileText(await profile(problem, options)));
      return 0;
    }
    if (!options.memoryOnly) {
      const why = await peersMissing();
      for (const problem of problems) {
        const result = await measure(problem, options, why);
        report.workloads.push(result);
        print(options.check ? checkText(result) : workloadText(result));
      }
      if (!options.check) print(summaryText(report.workloads));
    }
    const watched = options.check
      ? undefined
      : (problems.find((p) => p.name === "mlp") ?? (options.memoryOnly ? problems[0] : undefined));
    if (watched !== undefined) {
      report.memory = await measureMemory(watched, options);
      print(memoryText(report.memory, options.memoryOnly));
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  const json = JSON.stringify(report, undefined, 2);
  if (options.json) process.stdout.write(`${json}\n`);
  if (!options.check) say(`written: ${write(json, report.time)}`);
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
async function measure(problem, { rounds, slice, pairs, threads, peers, check }, noPeers) {
  const running = [];
  const missing = [];
  try {
    for (const entry of entries) {
      if (entry !== entries[0] && !peers.includes(entry.name)) continue;
      say(`${problem.name}: starting ${entry.name}`);
      try {
        if (entry.peer && noPeers !== undefined) throw new Error(noPeers);
        running.push(await launch(entry, problem, threads));
      } catch (error) {
        if (running.length === 0) throw error;
        missing.push({ name: entry.name, why: error.message });
      }
    }
    const { title, optimizer } = problem.workload;
    const agreements = await agree(running, problem.workload);
    const found = { name: problem.name, title, checked: checkedStep(problem.workload), missing };
    if (check) return { ...found, standings: agreements };
    const product = await launch(matmul, problem, threads);
    running.push(product);
    const settings = { rounds, slice };
    const { timings, peak } = await compete(running.slice(0, -1), product, settings, (line) =>
      say(`${problem.name}: ${line}`),
    );
    const standings = agreements.map((agreement, i) => ({ ...agreement, ...timings[i] }));
    if (optimizer === undefined) return { ...found, standings, peak };
    say(`${problem.name}: our step and ONNX Runtime alone`);
    return { ...found, standings, peak, overhead: await overhead(running[0], { pairs, slice: slice / 8 }) };
  } finally {
    for (const contender of running) contender.stop();
  }
}

/** @param {Problem} problem @param {import("./options.mjs").Options} options */
async function profile(problem, { threads }) {
  const ours = await launch(entries[0], problem, threads);
  try {
    return { name: problem.name, title: problem.workload.title, ...(await ours.profile()) };
  } finally {
    ours.stop();
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
const names = entries.map((e) => e.name);
let options;
try {
  options = readOptions(process.argv.slice(2), known, names);
} catch (error) {
  say(error.message);
  process.exit(2);
}
if (options === "help") {
  process.stdout.write(usage(known, names));
} else {
  try {
    process.exitCode = await main(options);
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
}
