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
export function workloadText(result) {
  const { title, standings, peak, overhead, missing } = result;
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
  const absent = missing.map(({ name }) => [name, ...head.slice(1).map(() => "-")]);
  const lines = table([head, ...rows, ...absent]).split("\n");
  // Why a row is empty stands at its end, however long it is.
  missing.forEach(({ why }, i) => {
    lines[lines.length - missing.length + i] += `  ${why}`;
  });
  return [
    title,
    "",
    ...lines,
    "",
    sameWorkText(result.name, standings, result.checked),
    `ours: ${(peak.flops / 1e9).toPrecision(3)} GFLOP a step, ${percent(peak.share.median)} of the ` +
      `${(peak.perSecond.median / 1e9).toPrecision(3)} GFLOP/s that a large matrix product reaches`,
    ...(overhead === undefined ? [] : [overheadText(overhead)]),
  ].join("\n");
}

/** One line for each workload. @param {readonly import("./main.mjs").WorkloadResult[]} results */
export function summaryText(results) {
  const peers = [...new Set(results.flatMap((r) => [...r.standings, ...r.missing].map((s) => s.name)))].slice(
    1,
  );
  const rows = results.map(({ name, standings, peak }) => {
    const [ours] = standings;
    const cells = peers.map((peer) => {
      const found = standings.find((s) => s.name === peer);
      if (found === undefined) return "-";
      return `${milliseconds(found.secondsPerStep.median)} (${times(found.ratio.median)})`;
    });
    return [
      name,
      milliseconds(ours.secondsPerStep.median),
      ...cells,
      percent(peak.share.median),
      megabytes(ours.peakMemory),
      milliseconds(ours.firstStep),
    ];
  });
  const head = ["ms per step (to ours)", "ours", ...peers, "of matmul peak", "peak MB", "first step ms"];
  return table([head, ...rows]);
}

/** @param {NonNullable<import("./main.mjs").WorkloadResult["overhead"]>} overhead */
function overheadText({ median, min, max, pairs, bare }) {
  const range = `${percent(min)} to ${percent(max)}`;
  return `over ONNX Runtime alone: ${percent(median)} (${range}, ${pairs} pairs; alone ${milliseconds(bare.median)} ms)`;
}

/** @param {import("./main.mjs").WorkloadResult} result */
export function checkText({ name, standings, checked, missing }) {
  return [
    sameWorkText(name, standings, checked),
    ...missing.map((m) => `${m.name} is left out of ${name}: ${m.why}`),
  ].join("\n");
}

/** @param {string} name @param {readonly import("./compete.mjs").Agreement[]} standings @param {number} checked */
function sameWorkText(name, standings, checked) {
  const wrong = standings.filter((s) => !s.sameWork);
  const ours = standings[0].loss.toPrecision(6);
  return wrong.length === 0
    ? `same work: ${standings.map((s) => s.name).join(", ")} have the loss ${ours} after ${checked} steps of ${name}, within 0.1 %`
    : `NOT THE SAME WORK: the loss after ${checked} steps of ${name} is ${ours}, but ${wrong
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

/** @param {{ title: string } & Awaited<ReturnType<import("./contender.mjs").Contender["profile"]>>} profile */
export function profileText({ title, seconds, runs, nodes, operators }) {
  const total = nodes.reduce((sum, n) => sum + n.seconds, 0);
  const row = (name, count, time) => [name, `${count}`, milliseconds(time), percent(time / total)];
  const slowest = [...nodes].sort((a, b) => b.seconds - a.seconds).slice(0, 12);
  return [
    title,
    "",
    table([
      ["operator", "nodes", "ms", "share"],
      ...operators.map((o) => row(o.operator, o.nodes, o.seconds)),
      row("all", nodes.length, total),
    ]),
    "",
    table([
      ["slowest nodes", "operator", "ms", "share", "reads", "weights", "writes"],
      ...slowest.map((n) => [
        n.name,
        n.operator,
        milliseconds(n.seconds),
        percent(n.seconds / total),
        ...[n.read, n.weights, n.written].map((bytes) => `${Math.round(bytes / 1024)} KB`),
      ]),
    ]),
    "",
    `a run under the profiler: ${milliseconds(seconds)} ms, median of ${runs}`,
  ].join("\n");
}
