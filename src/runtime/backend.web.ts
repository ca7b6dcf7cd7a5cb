import { type Env, type InferenceSession, Tensor } from "onnxruntime-common";
import { type Backend, exact, type Loaded } from "./backend.ts";

/** What one build of onnxruntime-web exports. */
interface Ort {
  readonly env: Env;
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
}

/**
 * One build of onnxruntime-web. It is imported when a graph needs it: the build without WebGPU is half as large, and only an
 * imported module is a file of its own, which ONNX Runtime runs again in each of its threads.
 */
class Engine {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly provider: "wasm" | "webgpu",
    private readonly module: () => Promise<Ort>,
  ) {}

  async load(model: Uint8Array, threads: number | undefined): Promise<Loaded> {
    const ort = await this.module();
    const session = await this.alone(() => {
      setThreads(ort.env.wasm, threads);
      return ort.InferenceSession.create(model, {
        executionProviders: [this.provider],
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        extra: { ...exact },
      });
    });
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: (feeds) => this.alone(() => session.run(feeds)),
      release: () => this.alone(() => session.release()),
    };
  }

  /** Calls of ONNX Runtime pause half-way and share one stack: they run one after another. */
  private alone<T>(call: () => Promise<T>): Promise<T> {
    const result = this.last.then(call);
    this.last = result.catch(() => undefined);
    return result;
  }
}

const engines = {
  cpu: new Engine("wasm", () => import("onnxruntime-web/wasm")),
  webgpu: new Engine("webgpu", () => import("onnxruntime-web")),
};

export const backend: Backend = {
  name: "onnxruntime-web",
  Tensor,
  writesOutputs: false,
  channelBlock: async () => 1,
  async load(model, device, threads) {
    if (device === "cuda") throw new Error('a browser has no CUDA: use "webgpu" or "cpu"');
    if (device === "webgpu") await checkAdapter();
    return engines[device].load(model, threads);
  },
};

/** Beyond these the threads of small operators wait for one another. */
const MOST_THREADS = 8;

/** All sessions of a page share the threads that the first one starts. */
function setThreads(wasm: Env.WebAssemblyFlags, threads: number | undefined): void {
  if (threads !== undefined && threads > 1 && !globalThis.crossOriginIsolated) {
    throw new Error(
      `${threads} threads take a cross-origin isolated page: send the headers in docs/browser.md, or use 1`,
    );
  }
  const running = wasm.numThreads;
  if (running !== undefined && threads !== undefined && threads !== running) {
    throw new Error(
      `this page runs ${running} threads since its first session: ask for ${running}, not ${threads}`,
    );
  }
  const all = globalThis.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1;
  wasm.numThreads = running ?? threads ?? all;
}

async function checkAdapter(): Promise<void> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<object | null> } };
  if (gpu === undefined)
    throw new Error(
      'this page has no navigator.gpu (a recent browser has it on https and localhost): use "cpu"',
    );
  if ((await gpu.requestAdapter()) === null) throw new Error('the browser found no GPU adapter: use "cpu"');
}
