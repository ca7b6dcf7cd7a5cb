/** A contender seen from outside: a process that is told how many steps to take (see worker.mjs). */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Seconds. */
const PATIENCE = 60;

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
  /** Floating-point operations of a step; only we count them. */
  flops = Number.NaN;
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

  /** Wait for the first step; throws what kept it from happening, and where it takes too long. */
  async ready() {
    const { version, firstStep, flops } = await this.#inTime(this.#answer());
    this.version = version;
    this.firstStep = firstStep;
    this.flops = flops ?? Number.NaN;
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

  /** Where the time of our step goes: only ours answers. @returns {Promise<import("../dist/runtime/profile.node.js").Profile & { operators: import("../dist/runtime/profile.node.js").OperatorTime[] }>} */
  profile() {
    return this.#ask({ profile: true });
  }

  stop() {
    this.#child.kill();
  }

  #ask(/** @type {object} */ request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  /** @template T @param {Promise<T>} answer @returns {Promise<T>} */
  async #inTime(answer) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => {
        this.stop();
        reject(new Error(`its first step takes more than ${PATIENCE} s`));
      }, PATIENCE * 1000);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #answer() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(this.#stderr.trim().split("\n").at(-1) || "the process ended without a word");
    const message = JSON.parse(value);
    if (message.error !== undefined) throw new Error(message.error);
    return message;
  }
}
