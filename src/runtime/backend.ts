import type { InferenceSession, TensorConstructor } from "onnxruntime-common";

/** Where a graph runs. `webgpu` and `cuda` need a machine that has them. */
export type Device = "cpu" | "webgpu" | "cuda";

/** A graph that is ready to run. */
export type Loaded = Pick<InferenceSession, "inputNames" | "outputNames" | "run" | "release">;

/** What differs between Node (backend.node.ts) and the browser (backend.web.ts): whose ONNX Runtime, and its settings. */
export interface Backend {
  readonly name: "onnxruntime-node" | "onnxruntime-web";
  readonly Tensor: TensorConstructor;
  /** Whether a run writes its results into tensors given for them. Otherwise it makes new ones, and must be given none. */
  readonly writesOutputs: boolean;
  /**
   * How many channels stand side by side in the layout of the CPU's fastest convolution kernels (ONNX Runtime's domain
   * com.microsoft.nchwc): 8 or 16 by the processor's vectors, 1 where there are no such kernels.
   */
  channelBlock(): Promise<number>;
  /** Load the bytes of an ONNX file. Throws one line where this backend does not have the device. */
  load(model: Uint8Array, device: Device, threads: number | undefined): Promise<Loaded>;
}

/** Session settings. This optimizer moves constant factors into matrix products, as float32: float64 would lose half its digits. */
export const exact = { optimization: { disable_specified_optimizers: "MatMulScaleFusion" } };
