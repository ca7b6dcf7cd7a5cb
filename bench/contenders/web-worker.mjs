/** The `Worker` of a browser in Node: enough of it for libraries that start WebAssembly threads from a blob. */
import { resolveObjectURL } from "node:buffer";
import { Worker as NodeWorker } from "node:worker_threads";

const prelude = `
const { parentPort } = require("node:worker_threads");
globalThis.self = globalThis;
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
parentPort.on("message", (data) => globalThis.onmessage({ data }));
`;

class WebWorker {
  /** @type {((event: { data: unknown }) => void) | null} */
  onmessage = null;
  /** @type {((error: Error) => void) | null} */
  onerror = null;
  #worker;

  constructor(/** @type {string | URL} */ url) {
    this.#worker = resolveObjectURL(String(url))
      .text()
      .then((source) => {
        const worker = new NodeWorker(prelude + source, { eval: true });
        worker.on("message", (data) => this.onmessage?.({ data }));
        worker.on("error", (error) => this.onerror?.(error));
        return worker;
      });
  }

  postMessage(/** @type {unknown} */ message) {
    this.#worker.then((worker) => worker.postMessage(message));
  }

  terminate() {
    this.#worker.then((worker) => worker.terminate());
  }
}

/** Let libraries see a browser with this many cores. */
export function useThreads(/** @type {number} */ threads) {
  Object.defineProperty(globalThis, "Worker", { value: WebWorker, configurable: true });
  Object.defineProperty(globalThis, "navigator", {
    value: { hardwareConcurrency: threads },
    configurable: true,
  });
}
