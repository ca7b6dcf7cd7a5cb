import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import type { Backend } from "./backend.ts";

export const backend: Backend = {
  name: "onnxruntime-node",
  InferenceSession: ort.InferenceSession,
  Tensor: ort.Tensor,
  options(device, threads) {
    return {
      executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
      intraOpNumThreads: threads ?? availableParallelism(),
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      // Every session has its own threads. They wait busily while a call runs and not in between, or else the threads of
      // one session would take the cores from another.
      extra: { session: { force_spinning_stop: "1" } },
    };
  },
};
