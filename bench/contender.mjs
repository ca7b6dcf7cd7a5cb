/** A contender seen from outside: a process that is told how many steps to take (see worker.mjs). */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * @typedef {object} Slice
 * @property {number} seconds per step
 * @property {number} loss of the last step
 * @property {number} memory resident, in bytes
 * @property {number} peak of that
 */

export class Contender {
  /** @type {string} */
  version = "";
  /** Seconds from the call to the end of the first step: tracing and compiling are in it, starting the process is not. */
  firstStep = 0;
  #child;
  #lines;
  #stderr = "";

  /**
   * @param {string} name
   * @param {number} threads
   * @param {string} command
   * @param {readonly string[]} args
   */
  constructor(name, threads, command, args) {
    this.name = name;
    this.threads = threads;
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr.on("data", (text) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
    this.#child.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Wait for the first step; throws what kept it from happening. */
  async ready() {
    const { version, firstStep } = await this.#answer();
    this.version = version;
    this.firstStep = firstStep;
    return this;
  }

  /** @returns {Promise<Slice>} */
  run(/** @type {number} */ steps) {
    return this.#ask({ run: steps });
  }

  /** ONNX Runtime alone on our graph: only ours answers. @returns {Promise<Slice>} */
  runBare(/** @type {number} */ steps) {
    return this.#ask({ bare: steps });
  }

  stop() {
    this.#child.kill();
  }

  #ask(/** @type {object} */ request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  async #answer() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(this.#stderr.trim().split("\n").at(-1) || "the process ended without a word");
    const message = JSON.parse(value);
    if (message.error !== undefined) throw new Error(message.error);
    return message;
  }
}
