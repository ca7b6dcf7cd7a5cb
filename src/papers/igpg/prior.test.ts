import { describe, expect, it } from "vitest";
import { numbers } from "../../../test/evaluate.ts";
import { ints, runOnce } from "../../../test/run-once.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { priorLoss } from "./generator.ts";
import { type PriorParams, weightPrior } from "./prior.ts";
import { windowRows, windowsOf } from "./windows.ts";

describe("the prior", () => {
  const sizes = { codebook: 11, condition: 5, maxTokens: 8, maxChunks: 3, width: 8, layers: 2, heads: 2 };
  const prior = weightPrior({ ...sizes, factorised: false });
  const params = prior.init(random.key(5));
  const tokens = [3, 1, 4, 1, 5, 9, 2, 6];
  const chunks = ints([0, 0, 0, 0, 1, 1, 1, 1], [1, 8]);
  const condition = random.normal(random.key(6), [1, 5]);
  const logits = async (list: readonly number[], c = condition, net = prior) => {
    const out = await runOnce(
      (p: Traced<PriorParams>, t: Tensor, k: Tensor, v: Tensor) =>
        net.logits(p, { tokens: t, chunks: k, condition: v }),
      params,
      ints(list, [1, 8]),
      chunks,
      c,
    );
    return Array.from({ length: 8 }, (_, t) => numbers(out).slice(t * 11, (t + 1) * 11));
  };

  it("5. is causal: token t changes no logit of s_1 ... s_t, exactly, and does change those after", async () => {
    const before = await logits(tokens);
    for (const t of [1, 4, 7]) {
      const after = await logits(tokens.map((v, i) => (i === t - 1 ? 10 : v)));
      expect(after.slice(0, t)).toEqual(before.slice(0, t));
      for (let later = t; later < 8; later++) expect(after[later]).not.toEqual(before[later]);
    }
  });

  it("5. the condition changes all logits", async () => {
    const [before, after] = [await logits(tokens), await logits(tokens, NDArray.zeros([1, 5]))];
    for (let t = 0; t < 8; t++) expect(after[t]).not.toEqual(before[t]);
  });

  it("6. padding does not change the loss of real tokens", async () => {
    const sequence = { tokens: Int32Array.of(3, 1, 4, 1, 5), condition: condition.data as Float32Array };
    const lossAt = async (time: number) => {
      const o = { maxTokens: 8, overlap: null, tokensPerChunk: 4, time };
      const { rows } = windowRows([sequence], o);
      expect(rows.tokens.shape).toEqual([1, time]);
      return runOnce(
        (p: Traced<PriorParams>, b: Traced<typeof rows>) => priorLoss(prior.logits(p, b), b),
        params,
        rows,
      );
    };
    expect(Math.abs((await lossAt(5)).item() - (await lossAt(8)).item())).toBeLessThan(1e-5);
  });

  it("9. factorised: the logits do not depend on the other tokens", async () => {
    const factorised = weightPrior({ ...sizes, factorised: true });
    const before = await logits(tokens, condition, factorised);
    expect(await logits([9, 9, 9, 9, 9, 9, 9, 9], condition, factorised)).toEqual(before);
    expect(before[0]).not.toEqual(before[1]);
  });
});

describe("windows", () => {
  it("56 tokens by 32 with 16 of context", () => {
    expect(windowsOf(56, 32, 16)).toEqual([
      { start: 0, end: 32, known: 0 },
      { start: 16, end: 48, known: 16 },
      { start: 32, end: 56, known: 16 },
    ]);
  });

  it("one where the tokens fit, whatever the overlap", () => {
    expect(windowsOf(24, 24, null)).toEqual([{ start: 0, end: 24, known: 0 }]);
    expect(windowsOf(24, 32, 16)).toEqual([{ start: 0, end: 24, known: 0 }]);
  });
});
