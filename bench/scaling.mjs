/**
 * `node bench/scaling.mjs [--quick]`, after a build and on a machine with nothing else to do: how the time of a training step grows with batch,
 * width and depth, and what an operator, a call, a byte and a multiplication cost. Writes the figures into docs/performance.md (between its
 * marks) and the charts docs/performance-*.svg; with --quick, prints them and writes nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { lineChart } from "../dist/experiment/charts.js";
import { chartToSvg } from "../dist/experiment/svg.js";
import { compile, NDArray, random, valueAndGrad } from "../dist/index.js";
import { mlp } from "../dist/nn/index.js";
import { adam, applyUpdates } from "../dist/optim/index.js";
import { countFlops } from "./flops.mjs";
import { median, slope } from "./statistics.mjs";

const quick = process.argv.includes("--quick");
const threads = availableParallelism();
const ROUNDS = quick ? 2 : 9;
const SLICE = quick ? 0.02 : 0.2;

/** @typedef {{ run: () => Promise<unknown>, dispose: () => Promise<void> }} Subject */

/**
 * Median seconds of each, measured by turns.
 *
 * @param {readonly Subject[]} subjects
 */
async function timesOf(subjects) {
  const counts = [];
  for (const { run } of subjects) {
    for (let i = 0; i < 3; i++) await run();
    counts.push(Math.max(1, Math.round(SLICE / (await secondsOf(run, 1)))));
  }
  const times = subjects.map(() => /** @type {number[]} */ ([]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { run }] of subjects.entries()) times[i].push(await secondsOf(run, counts[i]));
  }
  for (const subject of subjects) await subject.dispose();
  return times.map(median);
}

/** @param {() => Promise<unknown>} run @param {number} count */
async function secondsOf(run, count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) await run();
  return (performance.now() - start) / 1000 / count;
}

/**
 * A training step of a perceptron: forward, backward, Adam.
 *
 * @param {{ batch: number, width: number, depth: number }} sizes depth: hidden layers
 * @returns {Subject & { flops: number }}
 */
function trainingStep({ batch, width, depth }) {
  const model = mlp({ sizes: [width, ...new Array(depth).fill(width), 1], activation: "relu" });
  const optimizer = adam({ learningRate: 1e-3 });
  const [forX, forY] = random.split(random.key(1));
  const data = { x: random.normal(forX, [batch, width]), y: random.normal(forY, [batch, 1]) };
  const loss = (params, { x, y }) => model.apply(params, x).sub(y).square().mean();
  const step = compile(
    (before, memory, given) => {
      const [value, gradient] = valueAndGrad(loss)(before, given);
      const { updates, state } = optimizer.update(gradient, memory, before);
      return { value, params: applyUpdates(before, updates), state };
    },
    { threads, donate: [0, 1] },
  );
  let params = model.init(random.key(0));
  let state = optimizer.init(params);
  const flat = Object.fromEntries(
    params.layers.flatMap(({ kernel, bias }, i) => [
      [`${i}/kernel`, kernel],
      [`${i}/bias`, bias],
    ]),
  );
  const nestedLoss = (weights, given) => {
    const layers = params.layers.map((_, i) => ({
      kernel: weights[`${i}/kernel`],
      bias: weights[`${i}/bias`],
    }));
    return loss({ layers }, given);
  };
  const flops = countFlops(nestedLoss, { trained: flat, frozen: {}, data }, true);
  return {
    flops,
    run: async () => {
      ({ params, state } = await step(params, state, data));
    },
    dispose: () => step.dispose(),
  };
}

/** @param {number} count of operators after each other, on one number @returns {Subject} */
function chain(count) {
  const f = compile(
    (x) => {
      let y = x;
      for (let i = 0; i < count; i++) y = y.tanh();
      return y;
    },
    { threads },
  );
  const x = NDArray.from([0.5]);
  return { run: () => f(x), dispose: () => f.dispose() };
}

/** @param {number} count of numbers that are read and written @returns {Subject} */
function pass(count) {
  // Into memory that is given, as in a training step: allocation is not measured.
  const f = compile((x) => x.add(1), { threads, donate: [0] });
  let x = NDArray.zeros([count]);
  return {
    run: async () => {
      x = await f(x);
    },
    dispose: () => f.dispose(),
  };
}

/** @param {number} size @returns {Subject} */
function product(size) {
  const f = compile((x) => x.matmul(x), { threads });
  const x = random.uniform(random.key(0), [size, size], { low: -1, high: 1 });
  return { run: () => f(x), dispose: () => f.dispose() };
}

/** Seconds from a function to the result of its first call, for so many operators. @param {number} count */
async function firstCall(count) {
  const subject = chain(count);
  const seconds = await secondsOf(subject.run, 1);
  await subject.dispose();
  return seconds;
}

async function costs() {
  const operators = [1, 100, 200, 400];
  const chains = await timesOf(operators.map(chain));
  const bytes = [4, 8, 16].map((millions) => millions * 1e6);
  const passes = await timesOf(bytes.map((b) => pass(b / 8)));
  const [multiplication] = await timesOf([product(2048)]);
  const built = [500, 1000, 2000];
  const first = [];
  for (const count of built) first.push(await firstCall(count));
  return {
    call: chains[0],
    operator: slope(operators, chains),
    byte: slope(bytes, passes),
    flop: multiplication / (2 * 2048 ** 3),
    build: slope(built, first),
  };
}

const base = { batch: 256, width: 256, depth: 3 };
const studies = [
  { name: "batch", title: "batch", values: [1, 4, 16, 64, 256, 1024, 4096] },
  { name: "width", title: "width of the layers", values: [16, 32, 64, 128, 256, 512, 1024] },
  { name: "depth", title: "hidden layers", values: [1, 2, 4, 8, 16, 32] },
];

/** @param {(typeof studies)[number]} study */
async function grow({ name, values }) {
  const steps = values.map((value) => trainingStep({ ...base, [name]: value }));
  const flops = steps.map((s) => s.flops);
  const seconds = await timesOf(steps);
  return values.map((value, i) => ({ value, flops: flops[i], seconds: seconds[i] }));
}

const micro = (/** @type {number} */ s) => `${Number((s * 1e6).toPrecision(2))} µs`;
const figure = (/** @type {number} */ x) => Number(x.toPrecision(3)).toString();

/** Markdown with columns as wide as they must be. @param {string[][]} rows */
function markdown(rows) {
  const widths = rows[0].map((_, i) => Math.max(3, ...rows.map((row) => row[i].length)));
  const line = (/** @type {string[]} */ row) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [
    line(rows[0]),
    `| ${widths.map((w) => "-".repeat(w)).join(" | ")} |`,
    ...rows.slice(1).map(line),
  ].join("\n");
}

/** @param {Awaited<ReturnType<typeof costs>>} cost */
function costTable(cost) {
  return markdown([
    ["what", "costs"],
    ["a call of a compiled function", micro(cost.call)],
    ["an operator, however little it does", micro(cost.operator)],
    ["a megabyte read or written by an elementwise operator", micro(cost.byte * 1e6)],
    ["a million floating-point operations in large products", micro(cost.flop * 1e6)],
    ["an operator, once: traced, compiled and loaded", micro(cost.build)],
  ]);
}

/** @param {(typeof studies)[number]} study @param {Awaited<ReturnType<typeof grow>>} points @param {number} flop */
function studyText({ name, title }, points, flop) {
  const rows = points.map(({ value, flops, seconds }) => [
    `${value}`,
    `${figure(seconds * 1000)} ms`,
    `${figure(flops / 1e6)}`,
    `${figure((100 * flops * flop) / seconds)} %`,
  ]);
  return [
    markdown([[title, "a step", "MFLOP", "of the matmul peak"], ...rows]),
    "",
    `![Time of a training step against ${title}](performance-${name}.svg)`,
  ].join("\n");
}

/** @param {(typeof studies)[number]} study @param {Awaited<ReturnType<typeof grow>>} points @param {number} flop */
function chartOf({ title }, points, flop) {
  return lineChart({
    title: `Time of a training step against ${title}`,
    caption: "",
    x: { title, scale: "log" },
    y: { title: "ms a step", scale: "log" },
    series: [
      { name: "measured", points: points.map((p) => [p.value, p.seconds * 1000]) },
      {
        name: "at the matmul peak",
        dashed: true,
        points: points.map((p) => [p.value, p.flops * flop * 1000]),
      },
    ],
  });
}

const cost = await costs();
const texts = [];
const charts = [];
for (const study of studies) {
  process.stderr.write(`${study.name}\n`);
  const points = await grow(study);
  texts.push(studyText(study, points, cost.flop));
  charts.push({ name: study.name, svg: await chartToSvg(chartOf(study, points, cost.flop)) });
}
const machine = `Measured on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model.trim()}, ${threads} threads, Node ${process.versions.node}.`;
const blocks = { costs: `${machine}\n\n${costTable(cost)}`, growth: texts.join("\n\n") };

if (quick) {
  process.stdout.write(`${blocks.costs}\n\n${blocks.growth}\n`);
} else {
  const page = fileURLToPath(new URL("../docs/performance.md", import.meta.url));
  let text = readFileSync(page, "utf8");
  for (const [name, block] of Object.entries(blocks)) {
    const [open, close] = [`<!-- ${name}: bench/scaling.mjs -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(open), text.indexOf(close)];
    if (from < 0 || to < 0) throw new Error(`docs/performance.md has no ${open} ... ${close}`);
    text = `${text.slice(0, from + open.length)}\n\n${block}\n\n${text.slice(to)}`;
  }
  writeFileSync(page, text);
  for (const { name, svg } of charts) {
    writeFileSync(fileURLToPath(new URL(`../docs/performance-${name}.svg`, import.meta.url)), `${svg}\n`);
  }
  process.stderr.write("written: docs/performance.md, docs/performance-*.svg\n");
}
