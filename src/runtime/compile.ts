/** Functions of tensors, run by ONNX Runtime. */
import { backend } from "#backend";
import { emitModel, type ModelDraft } from "../onnx/emit.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { erase, reachable, unmarked } from "../tensor/rewrite.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import type { Device } from "./backend.ts";
import { blockConvolutions, hasConvolutions } from "./blocked-layout.ts";
import { lowerForCpu } from "./lowering.ts";
import { lowerForWebGpu } from "./lowering-webgpu.ts";
import { type RunOptions, Session } from "./session.ts";

export interface CompileOptions extends RunOptions {
  /**
   * Arguments, by position, whose memory outputs of the same shape and dtype may reuse, so that a training step allocates
   * nothing. The arrays passed there are used up: read the returned ones instead, or keep a `copy()`. So is whatever shares their
   * memory: a `reshape`, a typed array given to `NDArray.from`.
   */
  readonly donate?: readonly number[];
}

/** What a compiled function takes for a traced argument: arrays (or plain numbers) for tensors. */
export type Argument<T> = T extends Tensor
  ? NDArray | number
  : T extends (...args: never[]) => unknown
    ? T
    : T extends object
      ? { [K in keyof T]: Argument<T[K]> }
      : T;

export interface Compiled<A extends readonly unknown[], R> {
  (...args: { [K in keyof A]: Argument<A[K]> }): Promise<tree.Concrete<R>>;
  /** The ONNX graph that runs for arguments like these. */
  graph(...args: { [K in keyof A]: Argument<A[K]> }): ModelDraft;
  /** Free all sessions. Later calls are errors. */
  dispose(): Promise<void>;
}

/**
 * Turn a function of tensors into one ONNX graph and run it in one call. The function may take and return trees of tensors;
 * the compiled function takes and returns the same trees of arrays. It is traced once for each signature: the structure of
 * the arguments, the shapes and dtypes of their arrays, and whatever else they hold. Numbers are float32 scalars.
 */
export function compile<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: CompileOptions = {},
): Compiled<A, R> {
  let programs: Program[] = [];
  let disposed = false;

  const programFor = (args: readonly unknown[]): Program => {
    if (disposed) throw new Error("compile: this function was disposed: compile it again");
    const known = programs.find((p) => fits(args, p.traced));
    if (known !== undefined) return known;
    const made = new Program((traced) => fn(...(traced as unknown as A)), args, options);
    programs.push(made);
    return made;
  };

  const call = async (...args: readonly unknown[]) => programFor(args).run(args) as Promise<tree.Concrete<R>>;
  return Object.assign(call, {
    graph: (...args: readonly unknown[]) => programFor(args).graph,
    dispose: async () => {
      disposed = true;
      const all = programs;
      programs = [];
      await Promise.all(all.map((p) => p.dispose()));
    },
  });
}

/**
 * Do these arguments have the signature of a trace: its structure, an array of the same shape and dtype (or a number) wherever it
 * has a tensor, and the same values elsewhere? Functions and instances of classes count as the same only if they are one object.
 */
function fits(value: unknown, traced: unknown): boolean {
  if (traced instanceof Tensor) {
    if (typeof value === "number") return traced.rank === 0 && traced.dtype === "float32";
    return value instanceof NDArray && value.dtype === traced.dtype && sameShape(value.shape, traced.shape);
  }
  if (Array.isArray(traced)) {
    return (
      Array.isArray(value) && value.length === traced.length && traced.every((t, i) => fits(value[i], t))
    );
  }
  if (!tree.isBranch(traced)) return Object.is(value, traced);
  if (!tree.isBranch(value) || Array.isArray(value)) return false;
  const names = Object.keys(traced);
  const given = Object.keys(value);
  return (
    names.length === given.length &&
    names.every((name, i) => name === given[i] && fits(field(value, name), field(traced, name)))
  );
}

function field(branch: unknown, name: string): unknown {
  return (branch as Record<string, unknown>)[name];
}

function tensorArgument(path: string): string {
  return `compile: argument "${path}" is a symbolic Tensor: compiled functions take NDArrays, call them outside of traced ones`;
}

function typedArrayArgument(path: string, value: ArrayBufferView): string {
  return `compile: argument "${path}" is a ${value.constructor.name}: compiled functions take NDArrays, wrap it in NDArray.from`;
}

/** A traced signature: its graph, and the session that runs it. */
class Program {
  readonly graph: ModelDraft;
  /** The arguments, with tensors for the arrays and numbers. */
  readonly traced: readonly unknown[];
  private session: Promise<Session> | undefined;
  private readonly running = new Set<Promise<unknown>>();
  private readonly result: unknown;
  private readonly ports: PortMap;
  /** Used-up arrays, by the output that will be written there next. */
  private readonly spare = new Map<string, NDArray>();

  constructor(
    fn: (traced: readonly unknown[]) => unknown,
    args: readonly unknown[],
    private readonly options: CompileOptions,
  ) {
    this.traced = tree.mapWithPath(asInput, args) as unknown[];
    this.result = fn(this.traced);
    this.ports = connect(args, this.traced, this.result, options);
    this.graph = emitModel(this.ports);
  }

  run(args: readonly unknown[]): Promise<unknown> {
    this.session ??= this.load();
    const call = this.compute(this.session, args).finally(() => this.running.delete(call));
    this.running.add(call);
    return call;
  }

  /** The session, of a graph whose convolutions are arranged for this machine. */
  private async load(): Promise<Session> {
    const { plain, outputs } = this.ports;
    const { device = "cpu" } = this.options;
    const block = device === "cpu" && hasConvolutions(plain) ? await backend.channelBlock() : 1;
    if (block === 1) return Session.create(this.graph, this.options);
    const arranged = executable(blockConvolutions(plain, block), device);
    const ports = { ...this.ports, outputs: outputs.map((o, i) => ({ ...o, tensor: arranged[i]! })) };
    return Session.create(emitModel(ports), this.options);
  }

  private async compute(loading: Promise<Session>, args: readonly unknown[]): Promise<unknown> {
    const session = await loading;
    const leaves = tree.leaves(args) as unknown[];
    const inputs: Record<string, NDArray> = {};
    for (const { name, leaf } of this.ports.inputs) inputs[name] = asArray(leaves[leaf]);
    // Nothing is awaited between here and the run, so that no two calls get the same memory.
    const memory = Object.fromEntries(this.spare);
    this.spare.clear();
    const given = this.takeDonations(leaves, inputs);
    const outputs = await session.run(inputs, memory);
    for (const [output, array] of given) this.spare.set(output, array);
    return tree.map(
      (leaf: unknown) => (leaf instanceof Tensor ? outputs[this.ports.names.get(leaf)!]! : leaf),
      this.result,
    );
  }

  /** The donated memory, by the output that it is for. The arrays are used up, and may still be read as inputs here. */
  private takeDonations(leaves: readonly unknown[], inputs: Record<string, NDArray>): Map<string, NDArray> {
    const given = new Map<string, NDArray>();
    for (const { output, leaf } of this.ports.donations) {
      const array = leaves[leaf];
      // One array may stand in several places.
      if (!(array instanceof NDArray) || array.isDonated) continue;
      const taken = array.donate();
      for (const name in inputs) if (inputs[name] === array) inputs[name] = taken;
      given.set(output, taken);
    }
    return given;
  }

  /** Waits for the calls that run. */
  async dispose(): Promise<void> {
    await Promise.allSettled(this.running);
    const session = await this.session?.catch(() => undefined);
    await session?.dispose();
  }
}

interface PortMap {
  readonly inputs: readonly { name: string; tensor: Tensor; leaf: number }[];
  readonly outputs: readonly { name: string; tensor: Tensor }[];
  readonly donations: readonly { output: string; leaf: number }[];
  /** What the outputs are, before it is written in operators that the device has. */
  readonly plain: readonly Tensor[];
  /** The name of each traced result. */
  readonly names: ReadonlyMap<Tensor, string>;
}

/** Name what goes in and out, leaving out the inputs that nothing depends on; and pair donated inputs with outputs. */
function connect(
  args: readonly unknown[],
  traced: readonly unknown[],
  result: unknown,
  { device = "cpu", donate = [] }: CompileOptions,
): PortMap {
  const results = [...new Set((tree.leaves(result) as unknown[]).filter((t) => t instanceof Tensor))];
  const plain = unmarked(results);
  const computed = executable(plain, device);
  const names = new Map(results.map((t, i) => [t, `output_${i}`]));
  const outputs = results.map((t, i) => ({ name: names.get(t)!, tensor: computed[i]! }));

  const used = new Set(reachable(computed).map((n) => n.outputs[0]));
  const all = (tree.leaves(traced) as unknown[]).map((tensor, leaf) => ({ tensor, leaf }));
  const inputs = all.flatMap(({ tensor, leaf }) =>
    tensor instanceof Tensor && used.has(tensor) ? [{ name: `input_${leaf}`, tensor, leaf }] : [],
  );

  const free = new Set(outputs);
  const donations = donatedLeaves(args, donate).flatMap((leaf) => {
    const input = all[leaf]!.tensor as Tensor;
    const match = [...free].find(
      (o) => o.tensor.dtype === input.dtype && sameShape(o.tensor.shape, input.shape),
    );
    if (match === undefined) return [];
    free.delete(match);
    return [{ output: match.name, leaf }];
  });
  return { inputs, outputs, donations, names, plain };
}

/** In operators that the device has kernels for. */
function executable(plain: readonly Tensor[], device: Device): Tensor[] {
  const onnx = erase(plain);
  if (device === "webgpu") return lowerForWebGpu(onnx);
  return device === "cpu" ? lowerForCpu(onnx) : onnx;
}

/** The places, among all leaves of the arguments, of the arrays in donated arguments. */
function donatedLeaves(args: readonly unknown[], donate: readonly number[]): number[] {
  const wrong = donate.find((i) => !Number.isInteger(i) || i < 0 || i >= args.length);
  if (wrong !== undefined)
    throw new RangeError(`compile: donate names argument ${wrong}, there are ${args.length}`);
  let at = 0;
  return args.flatMap((arg, i) => {
    const leaves = (tree.leaves(arg) as unknown[]).map((leaf) => ({ leaf, at: at++ }));
    return donate.includes(i) ? leaves.flatMap((l) => (l.leaf instanceof NDArray ? [l.at] : [])) : [];
  });
}

function asInput(leaf: unknown, path: string): unknown {
  if (leaf instanceof NDArray) return Tensor.input(leaf.shape, leaf.dtype);
  if (leaf instanceof Tensor) throw new TypeError(tensorArgument(path));
  if (ArrayBuffer.isView(leaf)) throw new TypeError(typedArrayArgument(path, leaf));
  return typeof leaf === "number" ? Tensor.input([], "float32") : leaf;
}

function asArray(leaf: unknown): NDArray {
  if (typeof leaf === "number") return NDArray.scalar(leaf);
  const array = leaf as NDArray;
  if (array.isDonated)
    throw new Error(
      `compile: an argument ${array.dtype}${showShape(array.shape)} was donated to an earlier call: pass the array that the call returned, or a copy() made before`,
    );
  return array;
}
