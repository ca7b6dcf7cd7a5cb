import { expect, it } from "vitest";
import * as random from "../tensor/random.ts";
import { randomSource } from "./random-source.ts";

it("continues its stream, and repeats with the key", () => {
  const draw = (source: ReturnType<typeof randomSource>) => [
    source.normal(3),
    source.uniform(2),
    source.normal(3),
  ];
  const [a, u, b] = draw(randomSource(random.key(1)));
  expect(a).not.toEqual(b);
  expect(u!.every((v) => v >= 0 && v < 1)).toBe(true);
  expect(draw(randomSource(random.key(1)))).toEqual([a, u, b]);
  expect(draw(randomSource(random.key(2)))[0]).not.toEqual(a);
});
