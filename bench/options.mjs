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
 * @property {string[]} peers that take part
 * @property {boolean} memoryOnly
 * @property {boolean} profile
 * @property {boolean} check
 * @property {boolean} json
 */

/**
 * Options from the command line; throws one line where they are wrong.
 *
 * @param {string[]} args
 * @param {string[]} known workloads
 * @param {string[]} contenders that are known, ours first
 * @returns {Options | "help"}
 */
export function readOptions(args, known, [, ...peers]) {
  const { values } = parseArgs({
    args,
    options: {
      workload: { type: "string", multiple: true },
      rounds: { type: "string" },
      threads: { type: "string" },
      peers: { type: "string" },
      memory: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const unknown = values.workload?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--workload ${unknown}: there are ${known.join(", ")}`);
  const chosen = values.peers === "none" ? [] : (values.peers?.split(",") ?? peers);
  const stranger = chosen.find((name) => !peers.includes(name));
  if (stranger !== undefined) throw new Error(`--peers ${stranger}: there are none, ${peers.join(", ")}`);
  return {
    workloads: values.workload ?? known,
    rounds: count("rounds", values.rounds) ?? (values.quick ? 3 : 15),
    slice: values.quick ? 0.1 : 0.4,
    pairs: values.quick ? 10 : 60,
    steps: values.quick ? 2000 : 10000,
    threads: count("threads", values.threads) ?? availableParallelism(),
    peers: chosen,
    memoryOnly: values.memory,
    profile: values.profile,
    check: values.check,
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

export const usage = (
  /** @type {string[]} */ known,
  /** @type {string[]} */ [, ...peers],
) => `npm run bench -- [options]

  --workload NAME   one of ${known.join(", ")}; may be repeated; default all
  --peers LIST      some of ${peers.join(",")}, or none; default all
  --rounds N        slices of time that each contender gets, by turns; default 15
  --threads N       default all cores
  --profile         where the time of our step goes, operator by operator, and nothing else
  --check           whether all compute the same, and nothing else
  --memory          only the resident memory over 10,000 steps of the first workload
  --quick           3 short rounds, 2,000 steps: to see that everything works, not to measure
  --json            print JSON instead of tables; progress goes to stderr
`;
