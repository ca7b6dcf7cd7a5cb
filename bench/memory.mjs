/** Does a long training keep its memory? */
import { slope } from "./statistics.mjs";

const EVERY = 500;

/**
 * @param {import("./contender.mjs").Contender} ours
 * @param {number} steps
 */
export async function watchMemory(ours, steps) {
  const samples = [];
  for (let step = 0; step < steps; step += EVERY) {
    const { memory } = await ours.run(EVERY);
    samples.push({ step: step + EVERY, bytes: memory });
  }
  // The first half is for the allocators to settle.
  const settled = samples.slice(samples.length >> 1);
  const bytesPerStep = slope(
    settled.map((s) => s.step),
    settled.map((s) => s.bytes),
  );
  return { samples, bytesPerStep };
}
