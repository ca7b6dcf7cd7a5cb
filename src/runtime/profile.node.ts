/** Where the time of a graph goes, by ONNX Runtime's own profiler. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import type { ModelDraft } from "../onnx/emit.ts";
import { encodeMessage } from "../onnx/wire.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import { settings } from "./backend.node.ts";
import type { RunOptions } from "./session.ts";

export interface ProfileOptions extends RunOptions {
  /** Runs that are profiled. Default 10. */
  readonly runs?: number | undefined;
  /** Runs before them that are not. Default 2. */
  readonly warmUp?: number | undefined;
}

/** One node of the graph as ONNX Runtime runs it: after its own rewriting, so names and operators may be others than in the file. */
export interface ProfiledNode {
  readonly name: string;
  /** `MatMul`, `FusedConv`, ... */
  readonly operator: string;
  /** Median over the runs. */
  readonly seconds: number;
  /** What it reads, without its weights, and what it writes, in bytes. */
  readonly read: number;
  readonly written: number;
  /** What it reads of stored weights, in bytes. */
  readonly weights: number;
}

export interface OperatorTime {
  readonly operator: string;
  readonly nodes: number;
  readonly seconds: number;
}

export interface Profile {
  readonly runs: number;
  /** A whole run, median. The profiler itself takes time: measure without it for how long a call takes. */
  readonly seconds: number;
  /** In the order of execution. */
  readonly nodes: readonly ProfiledNode[];
}

/**
 * Run a model under ONNX Runtime's profiler.
 *
 * ```ts
 * const { nodes } = await profileModel(bytes, { x });
 * const slowest = byOperator(nodes)[0];
 * ```
 */
export async function profileModel(
  model: ModelDraft | Uint8Array,
  inputs: Readonly<Record<string, NDArray>>,
  options: ProfileOptions = {},
): Promise<Profile> {
  const { runs = 10, warmUp = 2, device = "cpu", threads } = options;
  const bytes = model instanceof Uint8Array ? model : encodeMessage("ModelProto", model);
  const folder = mkdtempSync(join(tmpdir(), "paperweight-profile-"));
  try {
    const session = await ort.InferenceSession.create(bytes, {
      ...settings(device, threads),
      enableProfiling: true,
      profileFilePrefix: join(folder, "profile"),
    });
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, a]) => [
        name,
        new ort.Tensor(a.dtype as "float32", a.data as Float32Array, a.shape),
      ]),
    );
    for (let i = 0; i < warmUp + runs; i++) await session.run(feeds);
    session.endProfiling();
    await session.release();
    const [file] = readdirSync(folder);
    if (file === undefined) throw new Error("ONNX Runtime wrote no profile");
    return readProfile(readFileSync(join(folder, file), "utf8"), warmUp);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The time of each operator, the largest first. */
export function byOperator(nodes: readonly ProfiledNode[]): OperatorTime[] {
  const times = new Map<string, { nodes: number; seconds: number }>();
  for (const { operator, seconds } of nodes) {
    const sum = times.get(operator) ?? { nodes: 0, seconds: 0 };
    times.set(operator, { nodes: sum.nodes + 1, seconds: sum.seconds + seconds });
  }
  return [...times]
    .map(([operator, sum]) => ({ operator, ...sum }))
    .sort((a, b) => b.seconds - a.seconds || (a.operator < b.operator ? -1 : 1));
}

/** An event of the file; times in microseconds. */
interface Event {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** The text of a profile, without its first `warmUp` runs. Throws one line where it has no run after them. */
export function readProfile(text: string, warmUp = 0): Profile {
  const events = JSON.parse(text) as Event[];
  const all = events.filter((e) => e.cat === "Session" && e.name === "model_run");
  const runs = all.sort((a, b) => a.ts - b.ts).slice(warmUp);
  if (runs.length === 0)
    throw new RangeError(`profile: it has ${all.length} runs, of which ${warmUp} warm up: make more`);
  const start = runs[0]!.ts;
  const kernels = events.filter(
    (e) =>
      e.cat === "Node" && e.name.endsWith(KERNEL) && e.ts >= start && typeof e.args?.op_name === "string",
  );
  const byNode = new Map<string, Event[]>();
  for (const event of kernels.sort((a, b) => a.ts - b.ts)) {
    const key = `${event.name}\n${String(event.args?.node_index)}`;
    const same = byNode.get(key);
    if (same === undefined) byNode.set(key, [event]);
    else same.push(event);
  }
  return {
    runs: runs.length,
    seconds: median(runs.map((r) => r.dur)) / 1e6,
    nodes: [...byNode.values()].map((same) => nodeOf(same, runs.length)),
  };
}

const KERNEL = "_kernel_time";

/** A node within a loop runs several times in a run: their sum. */
function nodeOf(events: readonly Event[], runs: number): ProfiledNode {
  const [{ name, args = {} }] = events as [Event];
  const times = events.length / runs;
  const bytes = (field: string) => Number(args[field] ?? 0);
  return {
    name: name.slice(0, -KERNEL.length),
    operator: String(args.op_name),
    seconds: (median(events.map((e) => e.dur)) * times) / 1e6,
    read: bytes("activation_size"),
    written: bytes("output_size"),
    weights: bytes("parameter_size"),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
