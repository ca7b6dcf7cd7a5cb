/** The weights and data that all contenders start from, handed over in one file of numbers. */
import { readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";

/**
 * @typedef {object} Entry
 * @property {"weights" | "data"} role
 * @property {string} name
 * @property {"float32" | "int64"} dtype
 * @property {number[]} shape
 * @property {number} offset of its first byte in the file
 *
 * @typedef {{ shape: number[], dtype: "float32" | "int64", values: Float32Array | BigInt64Array }} Values
 * @typedef {{ weights: Record<string, Values>, data: Record<string, Values> }} Problem
 */

const folder = new URL("./workloads/", import.meta.url);
const kinds = { float32: Float32Array, int64: BigInt64Array };
// Every array starts at a multiple of this.
const ALIGNED = 8;

/** Every file of the folder is a workload, but the one that says what a workload is. */
export async function workloadNames() {
  const files = (await readdir(folder)).filter((f) => f.endsWith(".mjs") && f !== "workload.mjs");
  return files.map((f) => f.slice(0, -".mjs".length)).sort();
}

/** @returns {Promise<import("./workloads/workload.mjs").Workload>} */
export async function loadWorkload(/** @type {string} */ name) {
  return (await import(new URL(`${name}.mjs`, folder).href)).default;
}

/** What workloads are given of ours. @returns {Promise<import("./workloads/workload.mjs").Paperweight>} */
export async function loadLibrary() {
  const [index, nn, optim] = await Promise.all(
    ["index.js", "nn/index.js", "optim/index.js"].map(
      (file) => import(new URL(`../dist/${file}`, import.meta.url).href),
    ),
  );
  return { ...index, nn, optim };
}

/**
 * Write the arrays of a workload to `<stem>.bin` and `<stem>.json` (its table of contents, and the optimiser).
 *
 * @param {import("./workloads/workload.mjs").Workload} workload
 * @param {string} stem
 */
export async function writeProblem(workload, stem) {
  const { weights, data } = workload.arrays(await loadLibrary());
  let offset = 0;
  const entries = [];
  const parts = [];
  for (const [role, arrays] of Object.entries({ weights, data })) {
    for (const [name, { dtype, shape, data: values }] of Object.entries(arrays)) {
      if (!Object.hasOwn(kinds, dtype)) throw new Error(`${name} is ${dtype}: use float32 or int64`);
      entries.push({ role, name, dtype, shape, offset });
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
      const padding = Buffer.alloc(-bytes.length & (ALIGNED - 1));
      parts.push(bytes, padding);
      offset += bytes.length + padding.length;
    }
  }
  writeFileSync(`${stem}.bin`, Buffer.concat(parts));
  const { optimizer, copies = 1 } = workload;
  writeFileSync(`${stem}.json`, JSON.stringify({ entries, optimizer, copies }));
}

/**
 * @param {string} stem
 * @returns {Problem}
 */
export function readProblem(stem) {
  const bytes = readFileSync(`${stem}.bin`);
  /** @type {{ entries: Entry[] }} */
  const { entries } = JSON.parse(readFileSync(`${stem}.json`, "utf8"));
  /** @type {Problem} */
  const problem = { weights: {}, data: {} };
  for (const { role, name, dtype, shape, offset } of entries) {
    const values = new kinds[dtype](shape.reduce((a, b) => a * b, 1));
    Buffer.from(values.buffer).set(bytes.subarray(offset, offset + values.byteLength));
    problem[role][name] = { shape, dtype, values };
  }
  return problem;
}
