import { expect, it } from "vitest";
import * as random from "../../tensor/random.ts";
import { expectedImprovement, Process, suggest } from "./bayes.ts";

it("a Gaussian process goes through what it has seen, and knows nothing far away", () => {
  const process = new Process([[0.2], [0.5]], [1, -1], { lengths: [0.1], noise: 1e-9 });
  expect(process.predict([0.2]).mean).toBeCloseTo(1, 6);
  expect(process.predict([0.5]).std).toBeLessThan(1e-3);
  expect(process.predict([50]).mean).toBeCloseTo(0, 6);
  expect(process.predict([50]).std).toBeCloseTo(1, 6);
});

it("has the likelihood of a normal distribution for one point", () => {
  const { logLikelihood } = new Process([[0.3]], [0.7], { lengths: [1], noise: 0 });
  expect(logLikelihood).toBeCloseTo(-0.5 * 0.49 - 0.5 * Math.log(2 * Math.PI), 10);
});

it("expected improvement has its closed form", () => {
  expect(expectedImprovement({ mean: 0, std: 1 }, 0)).toBeCloseTo(1 / Math.sqrt(2 * Math.PI), 6);
  expect(expectedImprovement({ mean: 1, std: 0 }, 3)).toBe(2);
  expect(expectedImprovement({ mean: 5, std: 1 }, 0)).toBeLessThan(1e-5);
});

it("finds the minimum of a bowl in 15 steps", () => {
  const f = ([x, y]: readonly number[]) => (x! - 0.3) ** 2 + 3 * (y! - 0.8) ** 2;
  const points = Array.from({ length: 5 }, (_, i) =>
    Array.from(random.uniform(random.key(i), [2], { dtype: "float64" }).data as Float64Array),
  );
  for (let i = 0; i < 15; i++) points.push(suggest(points, points.map(f), random.key(100 + i)));
  expect(Math.min(...points.map(f))).toBeLessThan(0.003);
});
