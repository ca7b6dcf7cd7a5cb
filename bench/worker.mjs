/**
 * A contender in a process of its own: `node worker.mjs <script> <workload> <problem> <threads>`. It takes its first step,
 * says so, and then answers each line on stdin with one on stdout: JSON, `{"run": 10}` gives
 * `{"seconds": per step, "loss": of the last step, "memory": bytes}`, `{"bare": 10}` the same for ONNX Runtime alone,
 * `{"profile": true}` where the time of our step goes.
 */
import { createInterface } from "node:readline";
import { loadWorkload, readProblem } from "./problem.mjs";

/**
 * @typedef {object} Contender
 * @property {string} version
 * @property {(steps: number) => Promise<number>} run steps on from where the last call left off, to the loss of the last one
 * @property {(steps: number) => Promise<number>} [runBare]
 * @property {() => number} [flops] of a step
 * @property {() => Promise<object>} [profile]
 *
 * @typedef {(workload: import("./workloads/workload.mjs").Workload, problem: import("./problem.mjs").Problem) => Promise<Contender>} Start
 * @typedef {(threads: number) => Promise<Start>} Load get the library ready; this is not timed
 */

// What libraries print must not get among the answers.
console.log = console.info = console.warn = console.error;

const [script, workloadName, stem, threads] = process.argv.slice(2);
const answer = (/** @type {object} */ message) => process.stdout.write(`${JSON.stringify(message)}\n`);

try {
  const { load } = /** @type {{ load: Load }} */ (await import(`./contenders/${script}`));
  const workload = await loadWorkload(workloadName);
  const problem = readProblem(stem);
  const start = await load(Number(threads));
  const began = performance.now();
  const contender = await start(workload, problem);
  const loss = await contender.run(1);
  const firstStep = (performance.now() - began) / 1000;
  answer({ version: contender.version, firstStep, loss, flops: contender.flops?.() });

  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (request.profile) {
      answer(await contender.profile());
      continue;
    }
    const steps = request.run ?? request.bare;
    const from = performance.now();
    const loss = request.run === undefined ? await contender.runBare(steps) : await contender.run(steps);
    const seconds = (performance.now() - from) / 1000 / steps;
    const { maxRSS } = process.resourceUsage();
    answer({ seconds, loss, memory: process.memoryUsage.rss(), peak: maxRSS * 1024 });
  }
  process.exit(0);
} catch (error) {
  answer({ error: String(error instanceof Error ? error.message : error).split("\n")[0] });
  console.error(error);
  process.exit(1);
}
