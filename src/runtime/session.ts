/** One ONNX graph, loaded into ONNX Runtime. */
import type { Tensor as OrtTensor } from "onnxruntime-common";
import { backend } from "#backend";
import type { ModelDraft } from "../onnx/emit.ts";
import { encodeMessage } from "../onnx/wire.ts";
import { type DType, dtypes, type TypedArray } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Device, Loaded } from "./backend.ts";

export interface RunOptions {
  /** Default "cpu". */
  readonly device?: Device | undefined;
  /**
   * Threads within one operator. Default: one for each core; in a browser at most 8, and one where the page is not
   * cross-origin isolated. All sessions of a page share the threads of the first.
   */
  readonly threads?: number | undefined;
}

export class Session {
  private constructor(
    private readonly session: Loaded,
    /** What `run` computes. */
    readonly outputNames: readonly string[] = session.outputNames,
  ) {}

  /**
   * Load a model: the bytes of an ONNX file, or the message that they encode. `outputs` names those to compute; default: all.
   */
  static async create(
    model: ModelDraft | Uint8Array,
    options: RunOptions = {},
    outputs?: readonly string[],
  ): Promise<Session> {
    const bytes = model instanceof Uint8Array ? model : encodeMessage("ModelProto", model);
    const device = options.device ?? "cpu";
    try {
      return new Session(await backend.load(bytes, device, options.threads), outputs);
    } catch (error) {
      throw new Error(`ONNX Runtime cannot load the model on ${device}: ${firstLine(error)}`, {
        cause: error,
      });
    }
  }

  get inputNames(): readonly string[] {
    return this.session.inputNames;
  }

  /**
   * Run the graph on named arrays. Where `memory` has an array for an output, the result is written there (if the backend can);
   * it must have the output's shape and dtype.
   */
  async run(
    inputs: Readonly<Record<string, NDArray>>,
    memory: Readonly<Record<string, NDArray>> = {},
  ): Promise<Record<string, NDArray>> {
    const feeds: Record<string, OrtTensor> = {};
    for (const name in inputs) feeds[name] = toOrt(inputs[name]!);
    const fetches: Record<string, OrtTensor | null> = {};
    const targets = backend.writesOutputs ? memory : {};
    for (const name of this.outputNames) {
      const target = targets[name];
      fetches[name] = target === undefined ? null : toOrt(target);
    }
    const results = await this.session.run(feeds, fetches).catch((error: unknown) => {
      throw new Error(`ONNX Runtime failed: ${firstLine(error)}`, { cause: error });
    });
    const outputs: Record<string, NDArray> = {};
    for (const name in results) outputs[name] = targets[name] ?? fromOrt(results[name]!);
    return outputs;
  }

  /** Free the memory and threads of ONNX Runtime. */
  async dispose(): Promise<void> {
    await this.session.release();
  }
}

function toOrt(array: NDArray): OrtTensor {
  return new backend.Tensor(array.dtype as "float32", array.data as Float32Array, array.shape);
}

function fromOrt(tensor: OrtTensor): NDArray {
  if (!Object.hasOwn(dtypes, tensor.type)) {
    throw new TypeError(`ONNX Runtime returned elements of type ${tensor.type}, which no NDArray holds`);
  }
  return new NDArray(tensor.data as TypedArray, tensor.dims, tensor.type as DType);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
