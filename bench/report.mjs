/** Results as text for a terminal. */

const milliseconds = (/** @type {number} */ seconds) => (seconds * 1000).toPrecision(3);
const times = (/** @type {number} */ ratio) => `${ratio.toPrecision(3)}x`;
const percent = (/** @type {number} */ fraction) => `${(100 * fraction).toFixed(1)} %`;
const megabytes = (/** @type {number} */ bytes) => (bytes / 2 ** 20).toFixed(0);

/** Columns as wide as they must be; the first is flush left, the others are flush right. */
function table(/** @type {string[][]} */ rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
  );
  return [lines[0], widths.map((w) => "-".repeat(w)).join("  "), ...lines.slice(1)].join("\n");
}

/** @param {import("./main.mjs").WorkloadResult} result */
export function workloadText({ title, standings, overhead, missing }) {
  const head = [
    "ms per step",
    "threads",
    "median",
    "min",
    "max",
    "to ours",
    "min",
    "max",
    "first step ms",
    "peak MB",
  ];
  const rows = standings.map((s) => [
    `${s.name} ${s.version}`,
    `${s.threads}`,
    ...[s.secondsPerStep.median, s.secondsPerStep.min, s.secondsPerStep.max].map(milliseconds),
    ...[s.ratio.median, s.ratio.min, s.ratio.max].map(times),
    milliseconds(s.firstStep),
    megabytes(s.peakMemory),
  ]);
  return [
    title,
    "",
    table([head, ...rows]),
    "",
    ...missing.map(({ name, why }) => `${name} is left out: ${why}`),
    checkText(standings),
    `over ONNX Runtime alone: ${percent(overhead.median)} (${percent(overhead.min)} to ${percent(overhead.max)}, ` +
      `${overhead.pairs} pairs; alone ${milliseconds(overhead.bare.median)} ms)`,
  ].join("\n");
}

/** @param {import("./main.mjs").WorkloadResult["standings"]} standings */
function checkText(standings) {
  const wrong = standings.filter((s) => !s.sameWork);
  const ours = standings[0].loss.toPrecision(6);
  return wrong.length === 0
    ? `same work: all ${standings.length} have the loss ${ours} after 20 steps, within 0.1 %`
    : `NOT THE SAME WORK: the loss after 20 steps is ${ours}, but ${wrong
        .map((s) => `${s.loss.toPrecision(6)} in ${s.name}`)
        .join(", ")}: their times do not compare`;
}

/**
 * @param {Awaited<ReturnType<typeof import("./memory.mjs").watchMemory>> & { workload: string }} memory
 * @param {boolean} full
 */
export function memoryText({ workload, samples, bytesPerStep }, full) {
  const [first, last] = [samples[0], samples[samples.length - 1]];
  const summary =
    `resident memory, ${workload}: ${megabytes(first.bytes)} MB after ${first.step} steps, ` +
    `${megabytes(last.bytes)} MB after ${last.step}; ` +
    `${((bytesPerStep * 1000) / 1024).toFixed(0)} KB per 1000 steps over the second half`;
  if (!full) return summary;
  const rows = samples.map((s) => [`${s.step}`, (s.bytes / 2 ** 20).toFixed(1)]);
  return [table([["step", "MB"], ...rows]), "", summary].join("\n");
}
