import { availableParallelism } from "node:os";
import { formatBytes, formatNumber } from "../experiment/format.ts";
import type { ImportedModel } from "../onnx/import.ts";
import { inspectModel } from "../onnx/inspect.ts";
import { sampleInputs } from "../onnx/sample.ts";
import { harmless, paint, type TextStyle, textTable } from "../report/text.ts";
import { compile } from "../runtime/compile.ts";
import { loadModel } from "../runtime/load-model.ts";
import { byOperator, type OperatorTime, type ProfiledNode, profileModel } from "../runtime/profile.node.ts";
import { type DType, isFloat } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { exitCodes } from "./exit-codes.ts";
import { whole } from "./flag-values.ts";
import { counted, readModel, sizesOf } from "./inspect.ts";
import { type Io, styleOf } from "./io.ts";

/** What was measured; times in seconds. */
interface BenchResult {
  readonly threads: number;
  readonly runs: number;
  readonly latency: { readonly median: number; readonly low: number; readonly high: number };
  /** Sizes that the file leaves open, as they were taken. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Absent where the graph cannot be followed. */
  readonly flops?: number;
  /** In weights. */
  readonly bytes: number;
  /** FLOPs a second of a large matrix product, between the timed calls. */
  readonly peak: number;
  readonly share?: number;
  readonly profile?: {
    readonly operators: readonly OperatorTime[];
    /** The slowest first. */
    readonly nodes: readonly ProfiledNode[];
  };
}

/** `paperweight bench [--profile] model.onnx`. */
export async function bench(
  io: Io,
  path: string,
  o: {
    readonly profile?: boolean;
    readonly size?: readonly string[];
    readonly runs?: string;
    readonly threads?: string;
    readonly json?: boolean;
  },
): Promise<number> {
  const runs = o.runs === undefined ? undefined : whole("--runs", o.runs, 1);
  const threads = o.threads === undefined ? availableParallelism() : whole("--threads", o.threads, 1);
  const sizes = sizesOf(o.size ?? []);
  const found = await measure(readModel(io, path), sizes, { runs, threads, profile: o.profile === true });
  const style = styleOf(io, io.stdout);
  io.stdout.write(o.json === true ? `${JSON.stringify(found, null, 2)}\n` : benchText(found, style));
  return exitCodes.done;
}

async function measure(
  model: ImportedModel,
  given: Readonly<Record<string, number>>,
  o: { readonly runs: number | undefined; readonly threads: number; readonly profile: boolean },
): Promise<BenchResult> {
  const { inputs: specs, chosen: sizes } = sampleInputs(model, given);
  const inputs = Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]) => [name, sampleArray(shape, dtype)]),
  );
  const { flops, bytes } = inspectModel(model, given);
  const { times, peak } = await timed(model, inputs, o);
  const median = quantile(times, 0.5);
  const result: BenchResult = {
    threads: o.threads,
    runs: times.length,
    latency: { median, low: quantile(times, 0.05), high: quantile(times, 0.95) },
    sizes,
    bytes,
    peak,
    ...(flops === undefined ? {} : { flops, share: flops / median / peak }),
  };
  if (!o.profile) return result;
  const file = model.withWeights(undefined, { selfContained: true });
  const { nodes } = await profileModel(file, inputs, { threads: o.threads });
  const slowest = [...nodes].sort((a, b) => b.seconds - a.seconds);
  return { ...result, profile: { operators: byOperator(nodes), nodes: slowest } };
}

/** Numbers that any model takes: whole ones are 0, which is an index of everything. */
function sampleArray(shape: Shape, dtype: DType): NDArray {
  if (isFloat(dtype)) return random.normal(random.key(0), shape).cast(dtype);
  return dtype === "bool" ? NDArray.full(shape, 1, dtype) : NDArray.zeros(shape, dtype);
}

const WARM_UP = 3;
const SECONDS = 2;
const [FEWEST, MOST] = [10, 10_000];
/** Turns between the model and the matrix product, so that what slows the machine down slows both. */
const TURNS = 8;
const PRODUCT = 1024;

async function timed(
  model: ImportedModel,
  inputs: Readonly<Record<string, NDArray>>,
  { runs, threads }: { readonly runs: number | undefined; readonly threads: number },
): Promise<{ times: number[]; peak: number }> {
  const session = await loadModel(model, { threads });
  const product = compile((a: Tensor, b: Tensor) => a.matmul(b), { threads });
  const square = random.uniform(random.key(0), [PRODUCT, PRODUCT], { low: -1, high: 1 });
  try {
    let once = 0;
    for (let i = 0; i < WARM_UP; i++) once = await secondsOf(() => session.run(inputs));
    await product(square, square);
    const wanted = runs ?? Math.min(MOST, Math.max(FEWEST, Math.round(SECONDS / once)));
    const times: number[] = [];
    const products: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      products.push(await secondsOf(() => product(square, square)));
      while (times.length < (wanted * (turn + 1)) / TURNS)
        times.push(await secondsOf(() => session.run(inputs)));
    }
    return { times, peak: (2 * PRODUCT ** 3) / quantile(products, 0.5) };
  } finally {
    await session.dispose();
    await product.dispose();
  }
}

async function secondsOf(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await call();
  return (performance.now() - start) / 1000;
}

/** Between the two nearest values. */
function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

const SLOWEST = 15;

function benchText(found: BenchResult, style: TextStyle): string {
  const { latency, runs, threads, flops, share, peak, bytes, sizes, profile } = found;
  const open = Object.entries(sizes).map(([name, size]) => `${harmless(name)} = ${size}`);
  const summary = [
    `${paint(style, "bold", milliseconds(latency.median))} a call, the median of ${runs}; 5 % below ${milliseconds(latency.low)}, 5 % above ${milliseconds(latency.high)}; threads: ${threads}`,
    flops === undefined || share === undefined
      ? "FLOPs are not counted: the graph cannot be followed, see paperweight inspect"
      : `${counted(flops)} FLOPs a call: ${counted(flops / latency.median)} a second, ${percent(share)} of the ${counted(peak)} that a large matrix product reaches here`,
    `weights: ${formatBytes(bytes)}`,
    ...(open.length === 0
      ? []
      : [paint(style, "dim", `${open.join(", ")}: --size <name>=<number> for others`)]),
  ];
  const sections = [summary.join("\n"), ...(profile === undefined ? [] : profileSections(profile, style))];
  return `${sections.join("\n\n")}\n`;
}

function profileSections(
  { operators, nodes }: NonNullable<BenchResult["profile"]>,
  style: TextStyle,
): string[] {
  const total = nodes.reduce((sum, n) => sum + n.seconds, 0);
  const time = [
    { title: "time", align: "right" },
    { title: "share", align: "right" },
  ] as const;
  const timeCells = (seconds: number) => [milliseconds(seconds), percent(total === 0 ? 0 : seconds / total)];
  const operatorTable = textTable(
    [{ title: "operator" }, { title: "nodes", align: "right" }, ...time],
    operators.map((o) => [harmless(o.operator), String(o.nodes), ...timeCells(o.seconds)]),
    style,
  );
  const bytes = ["reads", "weights", "writes"].map((title) => ({ title, align: "right" }) as const);
  const nodeTable = textTable(
    [{ title: "node", flex: true }, { title: "operator", ink: "dim" }, ...time, ...bytes],
    nodes
      .slice(0, SLOWEST)
      .map((n) => [
        harmless(n.name),
        harmless(n.operator),
        ...timeCells(n.seconds),
        ...[n.read, n.weights, n.written].map(formatBytes),
      ]),
    style,
  );
  const title = nodes.length > SLOWEST ? `The ${SLOWEST} slowest of ${nodes.length} nodes` : "Nodes";
  return [
    [paint(style, "bold", "Operators"), operatorTable].join("\n"),
    [paint(style, "bold", title), nodeTable].join("\n"),
  ];
}

function milliseconds(seconds: number): string {
  return `${formatNumber(seconds * 1000)} ms`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
