import type { Tensor } from "../../src/tensor/tensor.ts";
import { between, check, fixed } from "../gradient-check.ts";

/** Random expressions in two variables: terms are used several times, at several broadcast shapes. */
export const composites = Array.from({ length: 8 }, (_, seed) =>
  check(
    `random expression ${seed}`,
    between(-1, 1),
    (x, y) => {
      const terms: Tensor[] = [x, y];
      const steps: ((a: Tensor, b: Tensor) => Tensor)[] = [
        (a, b) => a.mul(b),
        (a) => a.tanh(),
        (a, b) => a.add(b.sin()),
        (a, b) => a.sub(b).square().add(1).log(),
        (a) => a.mul(0.5).sigmoid(),
        (a, b) => a.div(b.square().add(1)),
        (a) => a.softplus().sub(a.mean()),
        (a) => a.sum([0], { keepDims: true }),
        (a) => a.transpose().softmax(0).transpose(),
      ];
      for (let i = 0; i < 10; i++) {
        const pick = (k: number) => terms[(seed * 7 + i * 5 + k * (seed + 3)) % terms.length]!;
        terms.push(steps[(seed * 3 + i * i + i) % steps.length]!(pick(1), pick(2)));
      }
      return terms.slice(-2);
    },
    fixed([2, 1], [2, 3]),
  ),
);
