/** One workload, all contenders, in turns. */
import { pairedRatio, spread } from "./statistics.mjs";

const CHECKED_STEP = 20;
const TOLERANCE = 1e-3;
// Contenders whose steps take longer than these seconds get fewer rounds.
const SLOW = 4;
const SLOW_ROUNDS = 3;

/**
 * @typedef {import("./contender.mjs").Contender} Contender
 * @typedef {import("./workloads/workload.mjs").Workload} Workload
 * @typedef {ReturnType<typeof spread>} Spread
 *
 * @typedef {object} Agreement
 * @property {string} name
 * @property {number} loss
 * @property {boolean} sameWork whether that loss is ours, within TOLERANCE
 *
 * @typedef {object} Timing
 * @property {string} version
 * @property {number} threads
 * @property {number} firstStep seconds
 * @property {Spread & { rounds: number[] }} secondsPerStep
 * @property {Spread} ratio to ours, within each round
 * @property {number} peakMemory bytes
 *
 * @typedef {Agreement & Timing} Standing
 *
 * @typedef {object} Peak
 * @property {number} flops of our step
 * @property {Spread} perSecond that a large matrix product reaches
 * @property {Spread} share of it that our step reaches, within each round
 */

/** How many steps lie between the first weights and the loss that is compared. */
export function checkedStep({ checked = CHECKED_STEP, copies = 1 }) {
  return checked * copies;
}

/**
 * Whether all compute the same: their losses after some steps. The first contender is the reference.
 *
 * @param {readonly Contender[]} contenders
 * @param {Workload} workload
 * @returns {Promise<Agreement[]>}
 */
export async function agree(contenders, workload) {
  const losses = [];
  for (const contender of contenders) {
    // The first step was taken on starting.
    losses.push((await contender.run(checkedStep(workload) - 1)).loss);
  }
  return contenders.map(({ name }, i) => ({
    name,
    loss: losses[i],
    sameWork: Math.abs(losses[i] - losses[0]) <= TOLERANCE * Math.abs(losses[0]),
  }));
}

/**
 * Every round gives each contender one slice of time, and the large matrix product one too; one works, the others sleep. The first
 * contender is the reference.
 *
 * @param {readonly Contender[]} contenders
 * @param {Contender} matmul
 * @param {{ rounds: number, slice: number }} settings slice: seconds
 * @param {(line: string) => void} say
 * @returns {Promise<{ timings: Timing[], peak: Peak }>}
 */
export async function compete(contenders, matmul, { rounds, slice }, say) {
  const all = [...contenders, matmul];
  const steps = [];
  for (const contender of all) steps.push(await stepsFor(contender, slice));
  const seconds = all.map(() => /** @type {number[]} */ ([]));
  const peaks = all.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    for (const [i, contender] of all.entries()) {
      if (round >= SLOW_ROUNDS && seconds[i][0] > SLOW) continue;
      const result = await contender.run(steps[i]);
      seconds[i].push(result.seconds);
      peaks[i] = result.peak;
    }
  }
  const timings = contenders.map(({ version, threads, firstStep }, i) => ({
    version,
    threads,
    firstStep,
    secondsPerStep: { ...spread(seconds[i]), rounds: seconds[i] },
    ratio: pairedRatio(seconds[i], seconds[0]),
    peakMemory: peaks[i],
  }));
  return { timings, peak: peakOf(contenders[0].flops, matmul.flops, seconds[0], seconds[contenders.length]) };
}

/**
 * @param {number} flops of our step
 * @param {number} most of the matrix product
 * @param {readonly number[]} seconds ours
 * @param {readonly number[]} product its seconds
 * @returns {Peak}
 */
function peakOf(flops, most, seconds, product) {
  return {
    flops,
    perSecond: spread(product.map((s) => most / s)),
    share: spread(seconds.map((s, round) => ((flops / most) * product[round]) / s)),
  };
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
  let count = 1;
  let { seconds } = await contender.run(count);
  while (seconds * count < slice / 4) {
    count = Math.max(count + 1, Math.round(slice / 2 / seconds));
    ({ seconds } = await contender.run(count));
  }
  return Math.max(1, Math.round(slice / seconds));
}
