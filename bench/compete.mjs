/** One workload, all contenders, in turns. */
import { pairedRatio, spread } from "./statistics.mjs";

const CHECKED_STEP = 20;
const TOLERANCE = 1e-3;

/**
 * @typedef {import("./contender.mjs").Contender} Contender
 * @typedef {ReturnType<typeof spread>} Spread
 *
 * @typedef {object} Standing
 * @property {string} name
 * @property {string} version
 * @property {number} threads
 * @property {number} firstStep seconds
 * @property {Spread & { rounds: number[] }} secondsPerStep
 * @property {Spread} ratio to ours, within each round
 * @property {number} peakMemory bytes
 * @property {number} loss after CHECKED_STEP steps
 * @property {boolean} sameWork whether that loss is ours, within TOLERANCE
 */

/**
 * Every round gives each contender one slice of time; one works, the others sleep. The first contender is the reference.
 *
 * @param {readonly Contender[]} contenders
 * @param {{ rounds: number, slice: number }} settings slice: seconds
 * @param {(line: string) => void} say
 * @returns {Promise<Standing[]>}
 */
export async function compete(contenders, { rounds, slice }, say) {
  const losses = [];
  const steps = [];
  for (const contender of contenders) {
    // The first step was taken on starting.
    losses.push((await contender.run(CHECKED_STEP - 1)).loss);
    steps.push(await stepsFor(contender, slice));
  }
  const seconds = contenders.map(() => /** @type {number[]} */ ([]));
  const peaks = contenders.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    for (const [i, contender] of contenders.entries()) {
      const result = await contender.run(steps[i]);
      seconds[i].push(result.seconds);
      peaks[i] = result.peak;
    }
  }
  return contenders.map(({ name, version, threads, firstStep }, i) => ({
    name,
    version,
    threads,
    firstStep,
    secondsPerStep: { ...spread(seconds[i]), rounds: seconds[i] },
    ratio: pairedRatio(seconds[i], seconds[0]),
    peakMemory: peaks[i],
    loss: losses[i],
    sameWork: Math.abs(losses[i] - losses[0]) <= TOLERANCE * Math.abs(losses[0]),
  }));
}

/**
 * What our call costs over ONNX Runtime alone, as a fraction: many short slices of both in one process, by turns, the
 * order swapped each time.
 *
 * @param {Contender} ours
 * @param {{ pairs: number, slice: number }} settings
 */
export async function overhead(ours, { pairs, slice }) {
  const steps = await stepsFor(ours, slice);
  await ours.runBare(steps);
  const [with_, without] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  const take = async (/** @type {boolean} */ bare) => {
    const { seconds } = bare ? await ours.runBare(steps) : await ours.run(steps);
    (bare ? without : with_).push(seconds);
  };
  for (let i = 0; i < pairs; i++) {
    await take(i % 2 === 0);
    await take(i % 2 !== 0);
  }
  const { median, min, max } = pairedRatio(with_, without);
  return { median: median - 1, min: min - 1, max: max - 1, bare: spread(without), pairs };
}

/** How many steps fill a slice, found on a warm contender. */
async function stepsFor(/** @type {Contender} */ contender, /** @type {number} */ slice) {
  const { seconds } = await contender.run(5);
  const first = Math.max(1, Math.round(slice / 2 / seconds));
  return Math.max(1, Math.round(slice / (await contender.run(first)).seconds));
}
