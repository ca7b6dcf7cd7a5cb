/** What the machine can do: a product of two square matrices by our runtime. No contender, but it takes turns with them. */
import { compile, NDArray, random } from "../../dist/index.js";

const SIZE = 2048;

/** @type {import("../worker.mjs").Load} */
export async function load(threads) {
  return async () => {
    const [a, b] = random
      .split(random.key(0))
      .map((key) => random.uniform(key, [SIZE, SIZE], { low: -1, high: 1 }));
    const product = compile((x, y) => x.matmul(y), { threads });
    return {
      version: `${SIZE}x${SIZE}`,
      flops: () => 2 * SIZE ** 3,
      async run(steps) {
        let c;
        for (let i = 0; i < steps; i++) c = await product(a, b);
        return c instanceof NDArray ? c.data[0] : Number.NaN;
      },
    };
  };
}
