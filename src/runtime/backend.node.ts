import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import { type Backend, type Device, exact } from "./backend.ts";
import { findChannelBlock } from "./channel-block.ts";

let block: Promise<number> | undefined;

export const backend: Backend = {
  name: "onnxruntime-node",
  Tensor: ort.Tensor,
  writesOutputs: true,
  channelBlock() {
    block ??= findChannelBlock(
      (model) => backend.load(model, "cpu", 1),
      (data, shape) => new ort.Tensor("float32", data, shape),
    );
    return block;
  },
  async load(model, device, threads) {
    // Otherwise ONNX Runtime takes the CPU instead, with a warning.
    if (!ort.listSupportedBackends().some((b) => b.name === device)) {
      throw new Error(`onnxruntime-node has no ${device} on ${process.platform} ${process.arch}`);
    }
    return ort.InferenceSession.create(model, settings(device, threads)).catch((error: Error) => {
      throw new Error(missing(device, error.message) ?? error.message, { cause: error });
    });
  },
};

export function settings(device: Device, threads: number | undefined): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
    intraOpNumThreads: threads ?? availableParallelism(),
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    // Memory that is planned ahead is laid out end to end; taken as it goes, it is what the last operators left in the cache.
    enableMemPattern: false,
    logSeverityLevel: 3,
    // Every session has its own threads. They wait busily while a call runs and not in between, or else the threads of
    // one session would take the cores from another.
    extra: { session: { force_spinning_stop: "1" }, ...exact },
  };
}

/** What a machine lacks for a device, by what ONNX Runtime says about it. */
function missing(device: Device, message: string): string | undefined {
  if (device === "cuda" && message.includes("Failed to load shared library"))
    return "its CUDA libraries cannot be loaded: install them (docs/install.md, CUDA), or use another device";
  const failure = /CUDA failure \d+: ([^;\n]*)/.exec(message)?.[1];
  if (device === "cuda" && failure !== undefined) return `CUDA says: ${failure.trim()}`;
  if (device === "webgpu" && message.includes("Failed to get a WebGPU adapter"))
    return "there is no GPU adapter: install a driver for Vulkan, Metal or Direct3D 12, or use another device";
  return undefined;
}
