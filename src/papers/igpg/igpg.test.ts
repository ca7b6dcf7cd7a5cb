import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { numbers } from "../../../test/evaluate.ts";
import { ints, runOnce } from "../../../test/run-once.ts";
import { checkExperiment } from "../../experiment/check.ts";
import { mlp } from "../../nn/mlp.ts";
import { exportModel } from "../../onnx/export.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import * as tree from "../../tensor/tree.ts";
import { describeOften, hashedWords, reluFeatures, type TaskSample } from "./conditions.ts";
import experiment from "./experiment.ts";
import {
  copyMeasure,
  fitWeightGenerator,
  type ModelRecord,
  WeightGenerator,
  WeightTokenizer,
  zooFromOnnx,
} from "./igpg.ts";
import { type PriorParams, weightPrior } from "./prior.ts";
import { allTasks, drawTask, instructionOf } from "./tasks.ts";
import { layoutOf } from "./vectorise.ts";
import { netOf } from "./zoo.ts";

describe("a generator", () => {
  const widths = [2, 8, 2];
  const net = netOf(widths);
  const zoo: ModelRecord[] = [0, 1, 2, 3, 4, 5].map((i) => ({
    params: net.init(random.key(i)),
    instruction: instructionOf(allTasks[i]!, widths),
    sample: drawTask(allTasks[i]!, random.key(40 + i), 60),
  }));
  const request = { ...zoo[2]!, like: net.init(random.key(9)) };
  const length = 12; // 42 weights, 3 chunks
  let generator: WeightGenerator;
  let staged: WeightGenerator;

  beforeAll(async () => {
    const tokenizer = { steps: 60, batch: 32, codebook: 32, hidden: [24] };
    const prior = { steps: 40, width: 16, heads: 2, batch: 8 };
    generator = await fitWeightGenerator(zoo, { tokenizer, prior });
    staged = new WeightGenerator({ ...generator.state, overlap: 4 });
  });
  afterAll(async () => {
    await generator.dispose();
    await staged.dispose();
  });

  it("gives trees that the model takes", async () => {
    const [params] = await generator.generate(request);
    expect(tree.paths(params)).toEqual(tree.paths(request.like));
    const y = await runOnce(
      (p: Traced<typeof request.like>, x: Tensor) => net.apply(p, x),
      params!,
      NDArray.from([[1, 2]]),
    );
    expect(y.shape).toEqual([1, 2]);
  });

  it("7. at temperature 0 it is greedy: the likeliest token by the logits of the whole sequence", async () => {
    const [tokens] = await generator.sampleTokens([request], { temperature: 0 });
    const [nearly] = await generator.sampleTokens([request], { temperature: 1e-6 });
    const prior = weightPrior(generator.state.prior);
    const greedy = new Array<number>(length).fill(0);
    const condition = new NDArray(generator.conditionVector(request), [1, generator.state.prior.condition]);
    const next = compile((p: Traced<PriorParams>, t: Tensor, k: Tensor, c: Tensor) =>
      prior.logits(p, { tokens: t, chunks: k, condition: c }).argMax(),
    );
    const chunks = ints(
      Array.from({ length }, (_, i) => Math.floor(i / 4)),
      [1, length],
    );
    for (let t = 0; t < length; t++) {
      const likeliest = await next(
        generator.state.params as never,
        ints(greedy, [1, length]),
        chunks,
        condition,
      );
      greedy[t] = Number(likeliest.data[t]);
    }
    await next.dispose();
    expect(Array.from(tokens!)).toEqual(greedy);
    expect(nearly).toEqual(tokens);
  });

  it("7. top-1 is greedy at any temperature", async () => {
    const [tokens] = await generator.sampleTokens([request], { temperature: 0 });
    expect(await generator.sampleTokens([request], { temperature: 3, topK: 1 })).toEqual([tokens]);
  });

  it("7. the same key gives the same tokens, another one others; there are n l of them", async () => {
    const draw = (seed: number) =>
      generator.sampleTokens([request, request], { temperature: 1, key: random.key(seed) });
    const first = await draw(1);
    expect(first.map((t) => t.length)).toEqual([length, length]);
    expect(await draw(1)).toEqual(first);
    expect(await draw(2)).not.toEqual(first);
  });

  it("7. in stages with N_max >= n l it gives the tokens of a single stage", async () => {
    const o = { temperature: 1, key: random.key(3) };
    expect(await staged.sampleTokens([request], o)).toEqual(await generator.sampleTokens([request], o));
  });

  it("7. in stages it generates all tokens, and scores them", async () => {
    const short = await WeightGenerator.fit(zoo, generator.tokenizer, {
      steps: 5,
      maxTokens: 6,
      overlap: 2,
      width: 16,
      heads: 2,
    });
    const [tokens] = await short.sampleTokens([request]);
    expect(tokens!.length).toBe(length);
    const [log] = await short.logLikelihoods([zoo[0]!]);
    expect(log! / length).toBeGreaterThan(-2 * Math.log(32));
    await short.dispose();
  });

  it("8. decode(encode(x)) is deterministic, with tokens in [0, m)", async () => {
    const { tokenizer } = generator;
    const [tokens, again] = [await tokenizer.encode(zoo[0]!.params), await tokenizer.encode(zoo[0]!.params)];
    expect(tokens).toEqual(again);
    expect(Math.min(...tokens)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...tokens)).toBeLessThan(32);
    expect(await tokenizer.reconstruct(zoo[0]!.params)).toEqual(
      await tokenizer.decode(tokens, zoo[0]!.params),
    );
  });

  it("gives a model of the zoo a higher likelihood under its own condition", async () => {
    const right = await generator.logLikelihoods(zoo);
    const wrong = await generator.logLikelihoods(
      zoo.map((m, i) => ({ ...m, ...conditionOf(zoo[(i + 3) % 6]!) })),
    );
    const mean = (list: number[]) => list.reduce((a, b) => a + b) / list.length;
    expect(mean(right)).toBeGreaterThan(mean(wrong));
  });

  const conditionOf = ({ instruction, sample }: ModelRecord) => ({ instruction, sample });

  describe("errors say what is wrong in one line", () => {
    it.each([
      ["an empty zoo", () => WeightTokenizer.fit([]), "the zoo is empty"],
      ["chunk", () => WeightTokenizer.fit([request.like], { chunk: 0 }), "chunk is 0"],
      [
        "codebook",
        () => WeightTokenizer.fit([request.like], { codebook: 1 }),
        "codebook is 1: use a whole number from 2",
      ],
      [
        "an unknown name",
        () => generator.tokenizer.encode({ layer: request.like.layers }, request.like),
        'no weights "layer/0/kernel": did you mean layers/0/kernel?',
      ],
      [
        "another shape",
        () => generator.tokenizer.encode(netOf([2, 9, 2]).init(random.key(0)), request.like),
        '"layers/0/kernel" have the shape [2, 9], the architecture has [2, 8]',
      ],
      [
        "weights that are not finite",
        () => WeightTokenizer.fit([{ w: NDArray.from([1, Number.NaN]) }]),
        'the weights "w" hold NaN at 1',
      ],
      [
        "a larger architecture than any in the zoo",
        () => generator.generate({ ...request, like: netOf([2, 16, 2]).init(random.key(0)) }),
        "takes 24 tokens, the zoo's longest 12",
      ],
      [
        "more tokens than maxTokens without stages",
        () => WeightGenerator.fit(zoo, generator.tokenizer, { maxTokens: 8 }),
        "takes 12 tokens, more than maxTokens, 8",
      ],
      [
        "a missing sample",
        () => generator.generate({ instruction: "", like: request.like }),
        "give `sample`",
      ],
      [
        "too few examples",
        () =>
          generator.generate({
            ...request,
            sample: { x: NDArray.zeros([7, 2]), y: ints([0, 0, 0, 0, 0, 1, 1]) },
          }),
        "has 2 examples of class 1: give 5 of each class",
      ],
      ["temperature", () => generator.generate(request, { temperature: -1 }), "temperature is -1"],
      [
        "top-k",
        () => generator.generate(request, { topK: 33 }),
        "topK is 33: use a whole number from 1 to 32",
      ],
    ])("%s", async (_, act, message) => {
      const error = await (act() as Promise<unknown>).then(
        () => new Error("no error"),
        (e: Error) => e,
      );
      expect(error.message).toContain(message);
      expect(error.message).not.toContain("\n");
    });
  });
});

describe("10. conditions", () => {
  const sample = drawTask(allTasks[3]!, random.key(1), 80);
  const chosen = new Set<number>();
  for (const c of [0, 1]) {
    const rows = Array.from(sample.y.data, Number).flatMap((y, row) => (y === c ? [row] : []));
    for (const row of rows.slice(0, 5)) chosen.add(row);
  }
  const others = Array.from({ length: 80 }, (_, i) => i).filter(
    (i) => !chosen.has(i) && i > Math.max(...chosen),
  );

  it("e_D depends on the first five examples of each class only", () => {
    const permuted = (rows: readonly number[]): TaskSample => ({
      x: new NDArray(
        Float32Array.from(rows.flatMap((r) => [0, 1].map((j) => Number(sample.x.data[2 * r + j])))),
        [80, 2],
      ),
      y: ints(rows.map((r) => Number(sample.y.data[r]))),
    });
    const kept = Array.from({ length: 80 }, (_, i) => i).filter((i) => !others.includes(i));
    const turned = permuted([...kept, ...others.toReversed()]);
    expect(others.length).toBeGreaterThan(10);
    expect(reluFeatures(turned, 2)).toEqual(reluFeatures(sample, 2));
    const changed = { ...sample, x: sample.x.copy() };
    changed.x.data[2 * [...chosen][0]!] = 50;
    expect(reluFeatures(changed, 2)).not.toEqual(reluFeatures(sample, 2));
  });

  it("e_A is equal for equal text, and a sum over its words", () => {
    expect(hashedWords("xor xor=22")).toEqual(hashedWords("xor  xor=22"));
    expect(hashedWords("xor xor=22")).not.toEqual(hashedWords("xor xor=45"));
    const [a, b, both] = [hashedWords("xor"), hashedWords("ring"), hashedWords("xor ring")];
    expect(Array.from(both)).toEqual(Array.from(a, (v, i) => Math.fround(v + b[i]!)));
  });
});

it("several descriptions are disjoint parts of the sample, five examples per class each", () => {
  const x = NDArray.from(Array.from({ length: 24 }, (_, i) => [i, 0]));
  const y = ints(Array.from({ length: 24 }, (_, i) => i % 2));
  const [first, second] = describeOften({ x, y }, 2, 2);
  expect(numbers(first!.x).filter((_, i) => i % 2 === 0)).toEqual([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
  expect(numbers(second!.x).filter((_, i) => i % 2 === 0)).toEqual([10, 12, 14, 16, 18, 11, 13, 15, 17, 19]);
  expect(reluFeatures(first!, 2)).toEqual(reluFeatures({ x, y }, 2));
  expect(() => describeOften({ x, y }, 2, 3)).toThrow("has 12 examples of class 0: give 15 of each class");
});

it("the copy measure is 0 for copies and grows with the distance", () => {
  const at = (x: number) => ({ w: NDArray.from([x, 0]) });
  const models = [
    { params: at(0), start: 0 },
    { params: at(10), start: 1 },
  ];
  expect(copyMeasure([at(0), at(10)], models).ratio).toBe(0);
  expect(copyMeasure([at(5)], models)).toEqual({ nearest: [5], apart: 10, ratio: 0.5 });
});

it("makes a zoo of ONNX files", async () => {
  const model = mlp({ sizes: [2, 8, 2], activation: "relu" });
  const files = [1, 2].map((seed) => ({
    bytes: exportModel(model, model.init(random.key(seed)), { x: ["batch", 2] }),
    instruction: `seed=${seed}`,
  }));
  const zoo = zooFromOnnx(files);
  expect(zoo.map((m) => layoutOf(m.params).size)).toEqual([42, 42]);
  const tokenizer = await WeightTokenizer.fit(
    zoo.map((m) => m.params),
    { steps: 2, batch: 4, codebook: 4, hidden: [8] },
  );
  expect((await tokenizer.encode(zoo[1]!.params)).length).toBe(12);
  await tokenizer.dispose();
});

describe("the experiment", () => {
  for (const check of checkExperiment(experiment)) it(check.name, check.run, 60_000);
});
