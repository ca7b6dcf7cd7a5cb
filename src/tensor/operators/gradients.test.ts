import { expect, test } from "vitest";
import { gradientCases } from "../../../test/gradient-cases/index.ts";
import { check, checkGradients, ofRank, operatorsIn, positive } from "../../../test/gradient-check.ts";
import { operators } from "../node.ts";
import type { Tensor } from "../tensor.ts";
import { customGradient } from "../transforms.ts";

test.each(gradientCases.map((c) => [c.name, c] as const))("%s", (_, the) => checkGradients(the));

test("every operator that has a gradient rule is checked", () => {
  const covered = new Set(gradientCases.flatMap((c) => [...operatorsIn(c)]));
  const differentiable = [...operators].flatMap(([name, { gradient }]) =>
    gradient === undefined || gradient === "none" ? [] : [name],
  );
  // Every check goes through Variable; a stand-in's derivative is no derivative of its value (transforms.test.ts).
  const exempt = ["paperweight.Variable", "paperweight.StraightThrough"];
  expect(differentiable.filter((name) => !covered.has(name) && !exempt.includes(name))).toEqual([]);
});

test("a wrong rule is found", async () => {
  const wrong = customGradient(
    (x: Tensor) => x.sin(),
    (dy, _, x) => [dy.mul(x.cos()).mul(1.00001)],
  );
  await expect(
    checkGradients(check("sin, slightly wrong", positive, (x) => wrong(x), ofRank(2))),
  ).rejects.toThrow();
});
