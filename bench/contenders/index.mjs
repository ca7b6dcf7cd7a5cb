/** Who takes part, ourselves first. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Contender } from "../contender.mjs";

/** @typedef {{ name: string, script: string, peer?: boolean, single?: boolean }} Entry */

/** @type {readonly Entry[]} */
export const entries = [
  { name: "paperweight", script: "paperweight.mjs" },
  { name: "pytorch", script: "pytorch.py" },
  { name: "jax-js", script: "jax-js.mjs", peer: true },
  // What Node gives it by itself; the threads of the one above come from our imitation of a browser's Worker.
  { name: "jax-js-single", script: "jax-js.mjs", peer: true, single: true },
  // Its WebAssembly backend has threads in browsers only.
  { name: "tfjs", script: "tfjs.mjs", peer: true, single: true },
];

/** The measure of the machine. @type {Entry} */
export const matmul = { name: "matmul", script: "matmul.mjs" };

/**
 * Start one of them on a problem; throws where it cannot run here.
 *
 * @param {Entry} entry
 * @param {{ name: string, workload: import("../workloads/workload.mjs").Workload, stem: string }} problem
 * @param {number} threads
 */
export async function launch({ name, script, single }, problem, threads) {
  const used = single ? 1 : threads;
  const path = (/** @type {string} */ file) => fileURLToPath(new URL(file, import.meta.url));
  const contender = script.endsWith(".py")
    ? new Contender(name, used, python(), [
        path(script),
        path(`../workloads/${problem.workload.python ?? `${problem.name}.py`}`),
        problem.stem,
        `${used}`,
      ])
    : new Contender(name, used, process.execPath, [
        path("../worker.mjs"),
        script,
        problem.name,
        problem.stem,
        `${used}`,
      ]);
  return contender.ready();
}

/** A Python that has PyTorch: a package of the system is seen only by the system's Python. */
function python() {
  const found = ["python3", "/usr/bin/python3"].find(
    (command) => spawnSync(command, ["-c", "import torch"], { stdio: "ignore" }).status === 0,
  );
  if (found === undefined) {
    throw new Error('python3 -c "import torch" fails: install PyTorch (Debian: python3-torch)');
  }
  return found;
}
