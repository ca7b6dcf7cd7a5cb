import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

/**
 * @typedef {object} Options
 * @property {string[]} workloads
 * @property {number} rounds
 * @property {number} slice seconds that a contender runs within a round
 * @property {number} pairs of slices that the overhead is measured in
 * @property {number} steps that memory is watched over
 * @property {number} threads
 * @property {boolean} memoryOnly
 * @property {boolean} json
 */

/**
 * Options from the command line; throws one line where they are wrong.
 *
 * @param {string[]} args
 * @param {string[]} known workloads
 * @returns {Options | "help"}
 */
export function readOptions(args, known) {
  const { values } = parseArgs({
    args,
    options: {
      workload: { type: "string", multiple: true },
      rounds: { type: "string" },
      threads: { type: "string" },
      memory: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const unknown = values.workload?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--workload ${unknown}: there are ${known.join(", ")}`);
  return {
    workloads: values.workload ?? known,
    rounds: count("rounds", values.rounds) ?? (values.quick ? 3 : 15),
    slice: values.quick ? 0.1 : 0.4,
    pairs: values.quick ? 10 : 60,
    steps: values.quick ? 2000 : 10000,
    threads: count("threads", values.threads) ?? availableParallelism(),
    memoryOnly: values.memory,
    json: values.json,
  };
}

/** @param {string} name @param {string | undefined} text */
function count(name, text) {
  if (text !== undefined && !/^[1-9]\d*$/.test(text)) {
    throw new Error(`--${name} ${text}: give a whole number from 1`);
  }
  return text === undefined ? undefined : Number(text);
}

export const usage = (/** @type {string[]} */ known) => `npm run bench -- [options]

  --workload NAME   one of ${known.join(", ")}; may be repeated; default all
  --rounds N        slices of time that each contender gets, by turns; default 15
  --threads N       default all cores
  --memory          only the resident memory over 10,000 steps of the first workload
  --quick           3 short rounds, 2,000 steps: to see that everything works, not to measure
  --json            print JSON instead of tables; progress goes to stderr
`;
