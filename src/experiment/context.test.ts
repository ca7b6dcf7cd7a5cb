import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { createContext, type RunObserver } from "./context.ts";
import { readLines } from "./metrics.ts";
import { decodeStageValue, encodeStageValue } from "./stage-value.ts";
import { memoryStore } from "./store.ts";

function setUp(store = memoryStore(), observer: RunObserver = {}) {
  const controller = new AbortController();
  const open = () =>
    createContext({ store, seed: 5, preset: "smoke", device: "cpu", signal: controller.signal, observer });
  const metrics = () => readLines(store.files.get("metrics.jsonl")!).map(({ time: _, ...rest }) => rest);
  return { store, controller, open, metrics };
}

describe("the context", () => {
  it("has the seed's key", async () => {
    const { context } = await setUp().open();
    expect(context.key).toEqual(random.key(5));
  });

  it("saves files, but none of the run folder's own or outside it", async () => {
    const { open, store } = setUp();
    const { context } = await open();
    await context.save("curve.csv", new Uint8Array([1]));
    expect(store.files.has("curve.csv")).toBe(true);
    for (const name of ["result.json", "../x", "a/b", ".hidden", ""]) {
      expect(() => context.save(name, new Uint8Array())).toThrow("use a plain file name");
    }
  });
});

describe("a stage", () => {
  it("runs once: a resumed run takes its value from the folder", async () => {
    const { open } = setUp();
    let runs = 0;
    const work = async () => {
      const { context } = await open();
      return context.stage("a", () => ({ run: ++runs, w: NDArray.from([[1, 2]]), odd: Number.NaN }));
    };
    const first = await work();
    expect(await work()).toEqual(first);
    expect(first).toEqual({ run: 1, w: NDArray.from([[1, 2]]), odd: Number.NaN });
  });

  it("tells the observer what started, finished and was remembered", async () => {
    const seen: string[] = [];
    const { open } = setUp(memoryStore(), { stage: ({ name, state }) => seen.push(`${name} ${state}`) });
    for (let i = 0; i < 2; i++) await (await open()).context.stage("a", () => 1);
    expect(seen).toEqual(["a started", "a finished", "a remembered"]);
  });

  it("that failed is run again", async () => {
    const { open } = setUp();
    const stage = async (fail: boolean) =>
      (await open()).context.stage("a", () => {
        if (fail) throw new Error("no");
        return 1;
      });
    await expect(stage(true)).rejects.toThrow("no");
    expect(await stage(false)).toBe(1);
  });

  it("keeps its checkpoint until it is done", async () => {
    const { open, store } = setUp();
    const { context } = await open();
    await context.stage("a / b", async ({ store: checkpoint }) => {
      expect(await checkpoint.read()).toBeUndefined();
      await checkpoint.write(new Uint8Array([7, 8]));
      expect(await checkpoint.read()).toEqual(new Uint8Array([7, 8]));
    });
    expect([...store.files.keys()].sort()).toEqual(["metrics.jsonl", "resume/a%20%2F%20b.done.safetensors"]);
  });

  it("does not start after an interrupt, inside another stage, or under a name used before", async () => {
    const { open, controller } = setUp();
    const { context } = await open();
    await context.stage("a", () => 1);
    await expect(context.stage("a", () => 1)).rejects.toThrow('stage "a" ran already');
    await expect(context.stage("b", () => context.stage("c", () => 1))).rejects.toThrow(
      '"c" starts inside stage "b"',
    );
    controller.abort(new Error("interrupted"));
    await expect(context.stage("d", () => 1)).rejects.toThrow("interrupted");
  });
});

describe("stage values", () => {
  it("survive exactly", () => {
    const value = {
      numbers: [0, -0, 1e-300, Number.NaN, Number.POSITIVE_INFINITY],
      nothing: null,
      absent: undefined,
      $: { $: "array", v: "0" },
      w: {
        kernel: NDArray.from([[1, 2]], "float64"),
        mask: NDArray.from([true, false]),
        ids: NDArray.from([1n]),
      },
      onnx: new Uint8Array([1, 2, 3]),
      empty: [NDArray.zeros([0, 3]), {}, []],
    };
    expect(decodeStageValue(encodeStageValue(value, "stage"))).toEqual(value);
    expect(decodeStageValue(encodeStageValue(undefined, "stage"))).toBeUndefined();
  });

  it("of other kinds are refused by their path", () => {
    const encode = (v: unknown) => () => encodeStageValue(v, 'stage "a"');
    expect(encode({ a: [1, new Map()] })).toThrow('stage "a": the value at result.a[1] is Map');
    expect(encode({ f: () => 1 })).toThrow("the value at result.f is a function");
    expect(encode(new Float32Array(2))).toThrow("is Float32Array");
  });
});

describe("metrics of a resumed run", () => {
  it("are those of a run that was never stopped", async () => {
    const { open, metrics } = setUp();
    /** A stage of six steps with a checkpoint after every second; `stopAt` throws before that step. */
    const attempt = async (stopAt?: number) => {
      const { context, flush } = await open();
      context.metrics({ before: 1 });
      await context.stage("fit", async ({ store }) => {
        context.metrics({ setup: 1 });
        let step = (await store.read())?.[0] ?? 0;
        for (; step < 6; step++) {
          if (step === stopAt) {
            flush();
            throw new Error("stop");
          }
          context.metrics({ step });
          if (step % 2 === 1) await store.write(new Uint8Array([step + 1]));
        }
      });
      context.metrics({ after: 1 });
      flush();
    };
    await expect(attempt(1)).rejects.toThrow();
    await expect(attempt(3)).rejects.toThrow();
    await expect(attempt(5)).rejects.toThrow();
    await attempt();
    await attempt();
    const steps = [0, 1, 2, 3, 4, 5].map((step) => ({ stage: "fit", step }));
    expect(metrics()).toEqual([{ before: 1 }, { stage: "fit", setup: 1 }, ...steps, { after: 1 }]);
  });

  it("lose nothing to a line that a crash left half written", async () => {
    const { open, metrics, store } = setUp();
    const one = await open();
    one.context.metrics({ a: 1 });
    one.context.metrics({ a: 2 });
    one.flush();
    store.append("metrics.jsonl", '{"time":"2026');
    const two = await open();
    for (const a of [1, 2, 3]) two.context.metrics({ a });
    two.flush();
    expect(metrics()).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
  });

  it("stop the run when they cannot be written, and again at the next checkpoint", async () => {
    const store = memoryStore();
    const full = { ...store, append: () => expect.fail("no space") };
    const { open } = setUp(full);
    const { context, flush } = await open();
    context.metrics({ a: 1 });
    expect(flush).toThrow("no space");
    await expect(context.stage("a", (s) => s.store.write(new Uint8Array()))).rejects.toThrow("no space");
  });
});
