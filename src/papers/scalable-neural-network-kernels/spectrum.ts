/** Functions of one number as sums of waves: what universal random features sample their frequencies from. */
import type { Draws } from "../../data/generators/draws.ts";

/** sign * mass * E[wave(t z)], where t has the probability `weights` over `frequencies`. */
export interface SpectrumPart {
  readonly wave: "cos" | "sin";
  readonly sign: 1 | -1;
  readonly mass: number;
  readonly frequencies: Float64Array;
  /** Running sums of the probabilities; the last is 1. */
  readonly cumulative: Float64Array;
}

/** f(z) as the sum of its parts: cosines and sines, each with a positive and a negative part (those that occur). */
export interface FourierSpectrum {
  readonly parts: readonly SpectrumPart[];
  /** f is met on [-range, range] and fades to 0 beyond. */
  readonly range: number;
}

/**
 * The spectrum of any function, tabulated: f is met on [-range, range], fades to 0 from there to twice the range, and is a Fourier series
 * of `terms` waves with the period 4 range. Default range 4, terms 64. Terms below 1e-7 of the largest are left out.
 */
export function tabulatedSpectrum(
  f: (z: number) => number,
  { range = 4, terms = 64 }: { readonly range?: number; readonly terms?: number } = {},
): FourierSpectrum {
  if (!(range > 0) || !Number.isInteger(terms) || terms < 1)
    throw new RangeError(
      `tabulatedSpectrum: range is ${range} and terms ${terms}: use a positive range and a whole number of terms`,
    );
  const half = 2 * range;
  const points = 16 * terms;
  const waves = { cos: new Float64Array(terms), sin: new Float64Array(terms) };
  for (let i = 0; i < points; i++) {
    const z = -half + (2 * half * (i + 0.5)) / points;
    const value = f(z) * fade(z / range);
    for (let k = 0; k < terms; k++) {
      const t = (Math.PI * k) / half;
      waves.cos[k]! += ((k === 0 ? 1 : 2) / points) * value * Math.cos(t * z);
      waves.sin[k]! += (2 / points) * value * Math.sin(t * z);
    }
  }
  if (![...waves.cos, ...waves.sin].every(Number.isFinite))
    throw new RangeError(`tabulatedSpectrum: the function is not finite on all of [-${half}, ${half}]`);
  const least = 1e-7 * [...waves.cos, ...waves.sin].reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const parts = (["cos", "sin"] as const).flatMap((wave) =>
    ([1, -1] as const).flatMap((sign) => partOf(wave, sign, waves[wave], half, least)),
  );
  if (parts.length === 0) throw new RangeError("tabulatedSpectrum: the function is 0 everywhere");
  return { parts, range };
}

/** 1 up to |u| = 1, 0 from |u| = 2, with all derivatives in between. */
function fade(u: number): number {
  const s = Math.abs(u) - 1;
  if (s <= 0) return 1;
  if (s >= 1) return 0;
  const bump = (v: number) => Math.exp(-1 / v);
  return bump(1 - s) / (bump(1 - s) + bump(s));
}

function partOf(
  wave: "cos" | "sin",
  sign: 1 | -1,
  all: Float64Array,
  half: number,
  least: number,
): SpectrumPart[] {
  const kept = [...all.keys()].filter((k) => sign * all[k]! > least);
  if (kept.length === 0) return [];
  const mass = kept.reduce((sum, k) => sum + sign * all[k]!, 0);
  let sum = 0;
  return [
    {
      wave,
      sign,
      mass,
      frequencies: Float64Array.from(kept, (k) => (Math.PI * k) / half),
      cumulative: Float64Array.from(kept, (k) => {
        sum += (sign * all[k]!) / mass;
        return sum;
      }),
    },
  ];
}

/** The value of the tabulated function. */
export function spectrumValue({ parts }: FourierSpectrum, z: number): number {
  return parts.reduce((sum, p) => {
    const wave = p.wave === "cos" ? Math.cos : Math.sin;
    let expected = 0;
    for (let k = 0; k < p.frequencies.length; k++)
      expected += (p.cumulative[k]! - (p.cumulative[k - 1] ?? 0)) * wave(p.frequencies[k]! * z);
    return sum + p.sign * p.mass * expected;
  }, 0);
}

/** Waves with random frequencies, as random features need them: one of each list for each feature. */
export interface Waves {
  readonly frequencies: Float32Array;
  /** 0 for a cosine, -pi/2 for a sine: sin z = cos(z - pi/2). */
  readonly phases: Float32Array;
  readonly amplitudes: Float32Array;
}

/**
 * `count` waves whose mean is unbiased for f: every part has a block of them, in proportion to its mass and at least one.
 */
export function sampleWaves(spectrum: FourierSpectrum, draws: Draws, count: number): Waves {
  const counts = allocation(
    spectrum.parts.map((p) => p.mass),
    count,
  );
  const [frequencies, phases, amplitudes] = [0, 0, 0].map(() => new Float32Array(count)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  let at = 0;
  spectrum.parts.forEach((part, k) => {
    for (let i = 0; i < counts[k]!; i++, at++) {
      frequencies[at] = part.frequencies[draws.index(part.cumulative)]!;
      phases[at] = part.wave === "cos" ? 0 : -Math.PI / 2;
      amplitudes[at] = (part.sign * part.mass * count) / counts[k]!;
    }
  });
  return { frequencies, phases, amplitudes };
}

function allocation(masses: readonly number[], count: number): number[] {
  if (count < masses.length)
    throw new RangeError(
      `randomFeatures: features is ${count} and the spectrum has ${masses.length} parts: use at least one feature for each`,
    );
  const total = masses.reduce((a, b) => a + b, 0);
  const spare = count - masses.length;
  const counts = masses.map((m) => 1 + Math.floor((spare * m) / total));
  const left = count - counts.reduce((a, b) => a + b, 0);
  counts[masses.indexOf(Math.max(...masses))]! += left;
  return counts;
}
