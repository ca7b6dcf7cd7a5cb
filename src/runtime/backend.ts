import type { InferenceSession, InferenceSessionFactory, TensorConstructor } from "onnxruntime-common";

/** Where a graph runs. `webgpu` and `cuda` need a machine that has them. */
export type Device = "cpu" | "webgpu" | "cuda";

/** What differs between Node (backend.node.ts) and the browser (backend.web.ts): whose ONNX Runtime, and its settings. */
export interface Backend {
  readonly name: "onnxruntime-node" | "onnxruntime-web";
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
  /** Throws one line where this backend does not have the device. */
  options(device: Device, threads: number | undefined): InferenceSession.SessionOptions;
}
