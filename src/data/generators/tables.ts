import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Dataset } from "../dataset.ts";
import { type Draws, eachExample } from "./draws.ts";
import { gaussianMixture } from "./mixture.ts";

/**
 * Four classification tables that are hard in different ways, as n examples each: float32 [n, d] and int64 [n],
 * classes equally likely. Not standardised. Example i depends on the key and i alone.
 */

/**
 * 8 numbers, 4 classes of 3 Gaussian clusters each. The centres, 1.4 N(0, I), come from `centres`, a key of their
 * own.
 */
export function mixtureTable(key: NDArray, n: number, centres: NDArray): Dataset {
  const means = random.normal(centres, [12, 8]);
  for (let i = 0; i < means.data.length; i++) means.data[i] = 1.4 * (means.data[i] as number);
  return gaussianMixture(key, n, { means, classOf: Array.from({ length: 12 }, (_, i) => Math.floor(i / 3)) });
}

/** 6 numbers, 3 classes: spheres of radius 1, 2 and 3, with noise of 0.12 on the radius. */
export function ringsTable(key: NDArray, n: number): Dataset {
  return table(key, n, 6, (draws) => {
    const label = draws.integer(3);
    const direction = Array.from({ length: 6 }, () => draws.normal());
    const radius = 1 + label + 0.12 * draws.normal();
    const length = Math.hypot(...direction);
    return { label, x: direction.map((v) => (radius * v) / length) };
  });
}

/** 5 numbers, uniform in -1 to 1, 2 classes: whether an odd number of the first three is positive. */
export function checkerTable(key: NDArray, n: number): Dataset {
  return table(key, n, 5, (draws) => {
    const x = Array.from({ length: 5 }, () => draws.uniform(-1, 1));
    return { label: x.slice(0, 3).filter((v) => v > 0).length % 2, x };
  });
}

/** 2 numbers, 2 classes: spirals that wind around each other, with noise of 0.06. */
export function spiralsTable(key: NDArray, n: number): Dataset {
  return table(key, n, 2, (draws) => {
    const label = draws.integer(2);
    const t = 3 * Math.PI * draws.uniform(0.25, 1);
    const angle = t + Math.PI * label;
    return { label, x: [Math.cos(angle), Math.sin(angle)].map((v) => (t * v) / 5 + 0.06 * draws.normal()) };
  });
}

function table(
  key: NDArray,
  n: number,
  width: number,
  draw: (draws: Draws) => { label: number; x: readonly number[] },
): Dataset {
  const { data, labels } = eachExample(key, n, width, ({ draws, out, at }) => {
    const { label, x } = draw(draws);
    out.set(x, at);
    return label;
  });
  return { features: new NDArray(data, [n, width]), labels };
}
