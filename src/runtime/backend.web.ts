import * as ort from "onnxruntime-web";
import type { Backend } from "./backend.ts";

export const backend: Backend = {
  name: "onnxruntime-web",
  InferenceSession: ort.InferenceSession,
  Tensor: ort.Tensor,
  options(device, threads) {
    if (device === "cuda") {
      throw new Error('device "cuda": a browser has none: use "webgpu" or "cpu"');
    }
    if (threads !== undefined) ort.env.wasm.numThreads = threads;
    return {
      executionProviders: [device === "cpu" ? "wasm" : "webgpu"],
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    };
  },
};
