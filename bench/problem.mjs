/** The weights and data that all contenders start from, handed over in one file of float32 numbers. */
import { readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";

/**
 * @typedef {object} Entry
 * @property {"weights" | "data"} role
 * @property {string} name
 * @property {number[]} shape
 * @property {number} offset of its first number in the file
 *
 * @typedef {{ shape: number[], values: Float32Array }} Values
 * @typedef {{ weights: Record<string, Values>, data: Record<string, Values> }} Problem
 */

const folder = new URL("./workloads/", import.meta.url);

/** Every file of the folder is a workload, but the one that says what a workload is. */
export async function workloadNames() {
  const files = (await readdir(folder)).filter((f) => f.endsWith(".mjs") && f !== "workload.mjs");
  return files.map((f) => f.slice(0, -".mjs".length)).sort();
}

/** @returns {Promise<import("./workloads/workload.mjs").Workload>} */
export async function loadWorkload(/** @type {string} */ name) {
  return (await import(new URL(`${name}.mjs`, folder).href)).default;
}

/**
 * Draw the arrays of a workload, always the same ones, and write `<stem>.bin` and `<stem>.json` (its table of contents).
 *
 * @param {import("./workloads/workload.mjs").Workload} workload
 * @param {string} stem
 */
export async function writeProblem(workload, stem) {
  const { random } = await import("../dist/index.js");
  const draws = [
    ...Object.entries(workload.weights).map(([name, draw]) => ({ role: "weights", name, ...draw })),
    ...Object.entries(workload.data).map(([name, draw]) => ({ role: "data", name, ...draw })),
  ];
  const keys = random.split(random.key(0), draws.length);
  let offset = 0;
  const entries = [];
  const parts = draws.map(({ role, name, shape, deviation }, i) => {
    const values = /** @type {Float32Array} */ (random.normal(keys[i], shape).data).map((v) => deviation * v);
    entries.push({ role, name, shape, offset });
    offset += values.length;
    return Buffer.from(values.buffer);
  });
  writeFileSync(`${stem}.bin`, Buffer.concat(parts));
  writeFileSync(`${stem}.json`, JSON.stringify(entries));
}

/**
 * @param {string} stem
 * @returns {Problem}
 */
export function readProblem(stem) {
  const bytes = readFileSync(`${stem}.bin`);
  /** @type {Entry[]} */
  const entries = JSON.parse(readFileSync(`${stem}.json`, "utf8"));
  /** @type {Problem} */
  const problem = { weights: {}, data: {} };
  for (const { role, name, shape, offset } of entries) {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(size);
    Buffer.from(values.buffer).set(bytes.subarray(4 * offset, 4 * (offset + size)));
    problem[role][name] = { shape, values };
  }
  return problem;
}
