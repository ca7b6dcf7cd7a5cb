import { describe, expect, it } from "vitest";
import { z } from "zod";
import lineFit from "../../test/fixtures/line-fit.ts";
import { experimentChecks } from "./check.ts";
import { summarise } from "./claims.ts";
import type { Experiment } from "./define.ts";
import { defineExperiment } from "./index.ts";

describe("an experiment that keeps the rules passes every check", () => {
  for (const check of experimentChecks(lineFit)) it(check.name, check.run);
});

/** The names of the checks that an experiment fails, with their messages. */
async function failures(experiment: Experiment): Promise<Record<string, string>> {
  const failed: Record<string, string> = {};
  for (const check of experimentChecks(experiment)) {
    await check.run().catch((error: Error) => {
      failed[check.name] = error.message;
    });
  }
  return failed;
}

const changed = (change: Partial<Experiment>): Experiment => ({ ...(lineFit as Experiment), ...change });

describe("the suite finds", () => {
  it("a metadata gap", async () => {
    const failed = await failures(changed({ paper: { ...lineFit.paper, arxiv: "19100319" } }));
    expect(Object.keys(failed)).toEqual(["states its paper in full"]);
    expect(failed["states its paper in full"]).toBe('paper.arxiv "19100319" is no arXiv number');
  });

  it("an incomplete preset, an unknown paperValues key, a missing description, a loose nested object", async () => {
    const loose = defineExperiment({
      ...lineFit,
      config: lineFit.config.extend({
        extra: z.number().optional(),
        data: z.object({ points: z.int().describe("points"), noise: z.number().describe("noise") }),
      }),
      paperValues: { stepz: { paper: 1, why: "a typing error" } },
    } as never) as Experiment;
    const failed = await failures(loose);
    expect(failed["has three presets that its schema accepts, each with its duration"]).toContain(
      "paperValues.stepz",
    );
    expect(failed["describes every configuration key"]).toContain("extra");
    expect(failed["rejects unknown configuration keys at every level, naming the nearest"]).toContain(
      "data is accepted",
    );
  });

  it("chance that does not come from the key", async () => {
    const random = changed({
      async run(config, context) {
        const result = await lineFit.run(config as never, context);
        const table = { title: "chance", columns: [{ name: "x" }], rows: [[Math.random()]] };
        return { ...result, tables: [table] };
      },
    });
    const failed = await failures(random);
    expect(failed["gives the same files for the same seed"]).toBe("the two runs differ in result.json");
    expect(failed["stops when interrupted, and ends bit-identical when resumed"]).toBe(
      "the two runs differ in result.json",
    );
  });

  it("a seed that changes nothing, an ignored signal, unsound results, a chart that loads data, a wrong example", async () => {
    const model = { onnx: new Uint8Array([1, 2, 3]), example: { inputs: {}, outputs: { y: context0() } } };
    const bad = changed({
      async run(_config, context) {
        await context.stage("one", () => 1);
        context.metrics({ a: 1 });
        return {
          claims: [
            {
              id: "C1",
              statement: "s",
              paper: null,
              ours: summarise(1),
              criterion: "",
              scale: "",
              verdict: "not attempted",
            },
          ],
          tables: [{ title: "t", columns: [{ name: "a" }], rows: [[1, 2]] }],
          charts: [{ title: "c", caption: "c", spec: { data: { url: "data.csv" }, mark: "bar" } }],
          models: { m: model },
        };
      },
    });
    const failed = await failures(bad);
    expect(
      Object.values(failed).some((m) => m.includes('it is "not attempted" but has a figure of ours')),
    ).toBe(true);
  });

  it("an experiment that ignores the signal", async () => {
    const deaf = changed({
      async run(config, context) {
        return lineFit.run(config as never, {
          ...context,
          signal: new AbortController().signal,
          stage: (_n, f) =>
            Promise.resolve(
              f({
                name: "x",
                store: { read: async () => undefined, write: async () => {}, remove: async () => {} },
              }),
            ),
        });
      },
    });
    const failed = await failures(deaf);
    expect(failed["stops when interrupted, and ends bit-identical when resumed"]).toContain(
      "it ran to its end",
    );
  });
});

function context0() {
  return lineFitExample;
}

import { NDArray } from "../tensor/ndarray.ts";

const lineFitExample = NDArray.from([1]);
