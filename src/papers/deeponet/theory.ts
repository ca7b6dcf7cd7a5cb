/** C6 as arithmetic: how well sensors see a random function, by the closed form and by sampling. */
import { linearInterpolator, linspace } from "../../pde/interpolate.ts";
import { gaussianRandomField } from "../../pde/random-field.ts";
import { randomSource } from "../../pde/random-source.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import { grfInterpolationStd, sensorErrorBound } from "./sensor-theory.ts";

export interface TheoryRow {
  readonly sensors: number;
  /** Standard deviation of u half way between two sensors, less its linear interpolant there. */
  readonly closedForm: number;
  /** The same by sampling; null where none was asked for. */
  readonly sampled: number | null;
  /** sqrt(3) / 8 (h / l)^2, what it tends to for many sensors. */
  readonly asymptote: number;
  /** Gronwall's bound on the error of the solution over one unit of time, for c = 1 and this deviation. */
  readonly bound: number;
}

export function theoryRows(o: {
  sensors: readonly number[];
  lengthScale: number;
  samples: number;
  key: NDArray;
}): TheoryRow[] {
  const { lengthScale, samples } = o;
  return o.sensors.map((sensors) => {
    const closedForm = grfInterpolationStd({ sensors, lengthScale });
    const h = 1 / (sensors - 1);
    return {
      sensors,
      closedForm,
      sampled: samples === 0 ? null : sampledStd(sensors, lengthScale, samples, o.key),
      asymptote: (Math.sqrt(3) / 8) * (h / lengthScale) ** 2,
      bound: sensorErrorBound({ lipschitz: 1, length: 1, kappa: closedForm }),
    };
  });
}

/** Over all midpoints of `samples` random functions. */
function sampledStd(sensors: number, lengthScale: number, samples: number, key: NDArray): number {
  const grid = linspace(0, 1, 2 * sensors - 1);
  const interpolate = linearInterpolator(linspace(0, 1, sensors), grid);
  const field = gaussianRandomField({ lengthScale, grid });
  const functions = field.sample(randomSource(key), samples);
  let sum = 0;
  for (let f = 0; f < samples; f++) {
    const u = functions.subarray(f * grid.length, (f + 1) * grid.length);
    const seen = interpolate(u.filter((_, i) => i % 2 === 0));
    for (let i = 1; i < grid.length; i += 2) sum += (u[i]! - seen[i]!) ** 2;
  }
  return Math.sqrt(sum / (samples * (sensors - 1)));
}
