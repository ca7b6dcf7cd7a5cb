import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import * as nn from "../nn/index.ts";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import { fileCheckpoint } from "./checkpoint.node.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import { decodeCheckpoint } from "./checkpoint.ts";
import { crc32 } from "./crc.ts";
import * as train from "./index.ts";
import { DivergenceError, type LossFit, memoryCheckpoint, type StepEvent } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "paperweight-"));
afterAll(() => rmSync(folder, { recursive: true }));

const x = random.uniform(random.key(1), [11, 2], { low: -1 });
const y = random.normal(random.key(2), [11, 1]);
const model = nn.mlp({ sizes: [2, 3, 1], activation: "tanh" });

interface Weights {
  net: nn.MlpParams;
  frozen: { scale: NDArray };
}

/** Noise in the model, momentum, a schedule, partial epochs, frozen values, metrics that are awkward as JSON. */
function training(o: Partial<LossFit<Weights, { x: NDArray; y: NDArray }>> = {}) {
  const options: LossFit<Weights, { x: NDArray; y: NDArray }> = {
    params: { net: model.init(random.key(5)), frozen: { scale: NDArray.from([0.5]) } },
    data: { x, y },
    loss: (p: Traced<Weights>, b, context) => {
      const noise = random.uniform(context.key as Tensor, b.y.shape).mul(0.1);
      return nn.losses.mse(model.apply(p.net, b.x).mul(p.frozen.scale).add(noise), b.y);
    },
    optimizer: optim.adamw({ learningRate: optim.cosine({ value: 0.1, steps: 30 }), weightDecay: 0.1 }),
    steps: 13,
    batch: 3,
    evalEvery: 4,
    evaluate: (p) => ({ spread: Math.abs(Number(p.net.layers[0]!.bias.data[0])), odd: Number.NaN, zero: -0 }),
    earlyStop: { patience: 2 },
    keepBest: "eval",
    goal: "max",
    key: random.key(8),
    threads: 1,
    ...o,
  };
  return options;
}

/** A store that remembers everything written to it. */
function recording(first?: Uint8Array): CheckpointStore & { readonly written: Uint8Array[] } {
  const written: Uint8Array[] = [];
  return {
    written,
    read: async () => (written.at(-1) ?? first)?.slice(),
    write: async (bytes) => void written.push(bytes.slice()),
  };
}

describe("a resumed training", () => {
  it.each([
    ["that ends by its steps", { earlyStop: { patience: 99 } }],
    ["that ends early", { steps: 60, goal: "min" as const }],
    ["with replacement", { sampling: "replacement" as const, earlyStop: { patience: 99 } }],
    [
      "with momentum and no metrics",
      { optimizer: optim.sgd({ learningRate: 0.1, momentum: 0.9 }), keepBest: "train" as const },
    ],
  ])("equals one never stopped, to the bit, wherever it was stopped: %s", async (_, options) => {
    const store = recording();
    const whole = await train.fit(training({ ...options, checkpointEvery: 1, checkpoint: store }));
    expect(store.written.length).toBe(whole.steps);
    for (const bytes of store.written) {
      const again = recording(bytes);
      const resumed = await train.fit(training({ ...options, checkpointEvery: 1, checkpoint: again }));
      expect(resumed).toEqual(whole);
      expect(again.written.at(-1) ?? bytes).toEqual(store.written.at(-1));
    }
  });

  it("does no step again, and none where all are made", async () => {
    const checkpoint = memoryCheckpoint();
    const steps: number[] = [];
    const onStep = ({ step }: StepEvent) => steps.push(step);
    const common = { checkpoint, onStep, earlyStop: { patience: 99 } };
    const first = await train.fit(training({ ...common, steps: 5 }));
    const all = await train.fit(training({ ...common, steps: 7 }));
    expect(await train.fit(training({ ...common, steps: 7 }))).toEqual(all);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(first.steps).toBe(5);
    await expect(train.fit(training({ ...common, steps: 6 }))).rejects.toThrow(
      "at step 7, past the 6 asked for",
    );
  });

  it("stops on a signal after the step, with a checkpoint, and goes on from there", async () => {
    const whole = await train.fit(training());
    const controller = new AbortController();
    const checkpoint = memoryCheckpoint();
    const saved: number[] = [];
    const stopped = await train.fit(
      training({
        checkpoint,
        signal: controller.signal,
        onStep: ({ step }) => step === 6 && controller.abort(),
        onCheckpoint: ({ step }) => saved.push(step),
      }),
    );
    expect(stopped).toMatchObject({ stopped: "aborted", steps: 6 });
    expect(saved).toEqual([4, 6]);
    expect(await train.fit(training({ checkpoint }))).toEqual(whole);
    const nothing = await train.fit(training({ signal: AbortSignal.abort() }));
    expect(nothing).toMatchObject({ stopped: "aborted", steps: 0 });
  });

  it("goes on after a callback threw", async () => {
    const whole = await train.fit(training());
    const checkpoint = memoryCheckpoint();
    const failing = training({
      checkpoint,
      onStep: ({ step }) => {
        if (step === 7) throw new Error("disk full");
      },
    });
    await expect(train.fit(failing)).rejects.toThrow("disk full");
    expect(await train.fit(training({ checkpoint }))).toEqual(whole);
  });
});

describe("a checkpoint is refused, and left as it is,", () => {
  const other = <T>(change: Partial<T>) => change as never;
  it.each<[string, Partial<ReturnType<typeof training>>, string]>([
    ["with another batch size", { batch: 4 }, "batch is 3 there and 4 here"],
    ["with another key", { key: random.key(9) }, "key is [0,8] there and [0,9] here"],
    ["with other data", { data: { x: NDArray.zeros([12, 2]), y: NDArray.zeros([12, 1]) } }, "data is"],
    ["with another early stop", { earlyStop: { patience: 3 } }, "earlyStop is"],
    [
      "with another learning rate",
      { optimizer: optim.adamw({ learningRate: 0.1, weightDecay: 0.1 }) },
      "a setting of the optimizer is another",
    ],
    ["with another optimizer", { optimizer: optim.sgd({ learningRate: 0.1 }) }, "optimizer's state have \""],
    [
      "with another loss",
      {
        loss: (p: Traced<Weights>, b: { x: Tensor; y: Tensor }) =>
          nn.losses.mae(model.apply(p.net, b.x), b.y),
      },
      "the loss",
    ],
    [
      "with another width",
      other({
        params: {
          net: nn.mlp({ sizes: [2, 5, 1], activation: "tanh" }).init(random.key(0)),
          frozen: { scale: NDArray.from([0.5]) },
        },
      }),
      'in its weights "net/layers/0/',
    ],
    [
      "with other frozen values",
      { params: { net: model.init(random.key(5)), frozen: { scale: NDArray.from([0.25]) } } },
      'the frozen values "frozen/scale" are others',
    ],
  ])("%s", async (_, change, message) => {
    const store = recording();
    await train.fit(training({ checkpoint: store, steps: 2 }));
    const before = store.written.length;
    await expect(train.fit(training({ ...change, checkpoint: store }))).rejects.toThrow(message);
    expect(store.written.length).toBe(before);
  });

  it("with any byte changed, and cut short anywhere", async () => {
    const store = recording();
    await train.fit(training({ checkpoint: store, steps: 2 }));
    const bytes = store.written[0]!;
    for (let at = 0; at < bytes.length; at += 37) {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ 1;
      expect(() => decodeCheckpoint(damaged), `byte ${at}`).toThrow(
        /^fit: the checkpoint cannot be read: [^\n]+$/,
      );
      expect(() => decodeCheckpoint(bytes.slice(0, at))).toThrow("cannot be read");
    }
  });
});

describe("what is not finite", () => {
  const base = {
    data: { t: NDArray.from([1, 2]) },
    optimizer: optim.sgd({ learningRate: 1 }),
    batch: 2,
    steps: 9,
  };

  it("ends the training with a line that names step, loss and gradient; the last good checkpoint stays", async () => {
    const store = recording();
    const run = train.fit({
      ...base,
      params: { ok: NDArray.from([1]), deep: { w: NDArray.from([2.5]) } },
      // w falls by 1 a step: below 0 it has no root.
      loss: (p) => p.deep.w.add(p.deep.w.sqrt().mul(1e-9)).sum().add(p.ok.sum().mul(0)),
      checkpoint: store,
      checkpointEvery: 1,
    });
    const error = await run.then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(DivergenceError);
    expect((error as Error).message).toMatch(
      /^fit: at step 4 the loss is NaN and the gradient of "deep\/w" is the first that is not finite \(NaN\): try a smaller learning rate[^\n]*; the checkpoint of step 3 is kept$/,
    );
    expect(decodeCheckpoint(store.written.at(-1)!).journal.step).toBe(3);
  });

  it("names the batch, if it came from there", async () => {
    const data = { t: NDArray.from([1, Number.NaN]) };
    await expect(
      train.fit({ ...base, data, params: { w: NDArray.from([1]) }, loss: (p, { t }) => p.w.mul(t).sum() }),
    ).rejects.toThrow('at step 1 the loss is NaN and the batch "t" is the first that is not finite (NaN)');
  });

  it("finds bad weights before they are saved, though the loss does not tell yet", async () => {
    const store = recording();
    await expect(
      train.fit({
        ...base,
        params: { w: NDArray.from([0]) },
        loss: (p) => p.w.sqrt().sum(),
        checkpoint: store,
        checkpointEvery: 1,
      }),
    ).rejects.toThrow(
      'the loss was still 0 and the gradient of "w" is the first that is not finite (Infinity)',
    );
    expect(store.written).toEqual([]);
  });

  it("names the weight, if an earlier update broke it", async () => {
    await expect(
      train.fit({ ...base, params: { w: NDArray.from([0]) }, loss: (p) => p.w.sqrt().sum(), evalEvery: 9 }),
    ).rejects.toThrow(
      'at step 2 the loss is NaN and the weight "w" is the first that is not finite (-Infinity) since an earlier update',
    );
  });
});

describe("fileCheckpoint", () => {
  it("holds what was written last, and leaves nothing else behind", async () => {
    const path = join(folder, "new", "model.safetensors");
    const store = fileCheckpoint(path);
    expect(await store.read()).toBeUndefined();
    await store.write(Uint8Array.of(1, 2));
    await store.write(Uint8Array.of(3));
    expect(await store.read()).toEqual(Uint8Array.of(3));
    expect(readdirSync(join(folder, "new"))).toEqual(["model.safetensors"]);
  });

  it("resumes a training", async () => {
    const checkpoint = fileCheckpoint(join(folder, "run.safetensors"));
    const early = await train.fit(training({ checkpoint, steps: 3 }));
    expect(early.steps).toBe(3);
    expect((await train.fit(training({ checkpoint, steps: 3 }))).params).toEqual(early.params);
  });

  it("says which file it cannot use", async () => {
    await expect(fileCheckpoint(folder).read()).rejects.toThrow(`cannot read the checkpoint ${folder}`);
    await expect(
      fileCheckpoint(join(folder, "run.safetensors", "x")).write(new Uint8Array()),
    ).rejects.toThrow("cannot write the checkpoint");
  });
});

it("crc32 has the known check value, also in parts", () => {
  const bytes = new TextEncoder().encode("123456789");
  expect(crc32(bytes).toString(16)).toBe("cbf43926");
  expect(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4)))).toBe(0xcbf43926);
});
