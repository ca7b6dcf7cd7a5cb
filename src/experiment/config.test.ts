import { describe, expect, it } from "vitest";
import lineFit from "../../test/fixtures/line-fit.ts";
import { optionsOf, presetOf, resolveConfig } from "./config.ts";
import type { Experiment } from "./define.ts";
import { UsageError } from "./errors.ts";
import { nearest } from "./nearest.ts";

const experiment = lineFit as Experiment;
const set = (...changes: string[]) => resolveConfig(experiment, "smoke", changes);

function problem(...changes: string[]): string {
  try {
    set(...changes);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error("accepted");
}

describe("resolveConfig", () => {
  it("is the preset where nothing is changed, and never changes the preset", () => {
    expect(set()).toEqual(lineFit.presets.smoke);
    set("data.points=7");
    expect(lineFit.presets.smoke.data.points).toBe(20);
  });

  it("sets plain and dotted keys; the last change wins", () => {
    expect(set("steps=7", "data.noise=0.5", "steps=9")).toMatchObject({
      steps: 9,
      data: { points: 20, noise: 0.5 },
    });
  });

  it("reads a value as JSON, else as text; a key that wants text gets it", () => {
    expect(set("label=a=b")).toMatchObject({ label: "a=b" });
    expect(set("label=5")).toMatchObject({ label: "5" });
    expect(set('label="5"')).toMatchObject({ label: "5" });
    expect(set("label=true", "loss=mae")).toMatchObject({ label: "true", loss: "mae" });
    expect(set('data={"points":3,"noise":1}')).toMatchObject({ data: { points: 3, noise: 1 } });
  });

  it("names the nearest key where one is unknown, at every level", () => {
    expect(problem("stepz=1")).toBe('line-fit has no configuration key "stepz": did you mean steps?');
    expect(problem("data.point=1")).toBe(
      'line-fit has no configuration key "data.point": did you mean data.points?',
    );
    expect(problem("noise=1")).toBe('line-fit has no configuration key "noise": did you mean data.noise?');
    expect(problem('data={"points":3,"noise":1,"x":1}')).toContain('no configuration key "data.x"');
    expect(problem("zzzzzz=1")).toContain("the keys are steps, learningRate,");
    expect(problem("__proto__.x=1")).toContain('no configuration key "__proto__.x"');
  });

  it("names key, value and what was expected where a value does not fit", () => {
    expect(problem("steps=many")).toBe('steps = "many" does not fit: expected number, received string');
    expect(problem("steps=1.5")).toBe("steps = 1.5 does not fit: expected int, received number");
    expect(problem("steps=0")).toBe("steps = 0 does not fit: too small: expected number to be >=1");
    expect(problem("loss=huber")).toBe('loss = "huber" does not fit: expected one of "mse", "mae"');
    expect(problem("label=[1]")).toBe("label = [1] does not fit: expected string, received array");
    expect(problem("data=3")).toBe("data = 3 does not fit: expected object, received number");
  });

  it("explains how to write a change", () => {
    expect(problem("steps")).toBe("--set steps: write key=value, such as --set steps=40");
    expect(problem("=3")).toContain("write key=value");
    expect(problem("steps.x=3")).toBe("--set steps.x: steps holds 40, which has no parts to set");
  });
});

describe("presetOf", () => {
  it("takes smoke, quick and full, and names the nearest", () => {
    expect(presetOf("full")).toBe("full");
    expect(() => presetOf("quik")).toThrow('there is no preset "quik": did you mean quick?');
    expect(() => presetOf("enormous")).toThrow("there is smoke, quick and full");
  });
});

describe("optionsOf", () => {
  it("lists every key with type, description, its value in each preset and the paper's", () => {
    const options = optionsOf(experiment);
    expect(options.map((o) => o.key)).toEqual([
      ...["steps", "learningRate", "seeds", "loss", "label", "delay", "data.points", "data.noise"],
    ]);
    expect(options[0]).toEqual({
      key: "steps",
      type: "int",
      description: "gradient steps for each fit",
      presets: { smoke: 40, quick: 300, full: 5000 },
      paper: { paper: 10000, why: "the loss stops falling after 300" },
    });
    expect(options.find((o) => o.key === "loss")?.type).toBe('"mse" | "mae"');
    expect(options.find((o) => o.key === "data.noise")?.presets.quick).toBe(0.05);
  });
});

describe("nearest", () => {
  it.each([
    ["deepnet", "deeponet"],
    ["depeonet", "deeponet"],
    ["DeepONet", "deeponet"],
    ["widnet", "widenet"],
    ["deep", "deeponet"],
  ])("%s → %s", (word, name) => expect(nearest(word, ["widenet", "deeponet", "sara"])).toBe(name));

  it("is undefined where nothing is near", () => {
    expect(nearest("transformer", ["widenet", "deeponet", "sara"])).toBeUndefined();
    expect(nearest("x", [])).toBeUndefined();
  });
});
