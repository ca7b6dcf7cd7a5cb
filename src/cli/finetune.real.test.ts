/** Real models on real data, where PAPERWEIGHT_DATA names a folder that has them. Short runs: docs/finetune.md has the full ones. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { cli } from "../../test/fixtures/io.ts";

const folder = process.env.PAPERWEIGHT_DATA ?? "";
const at = (path: string) => join(folder, path);
const out = mkdtempSync(join(tmpdir(), "paperweight-real-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

function onReal(name: string, files: readonly string[], test: () => Promise<void>): void {
  const lacking = folder === "" || files.some((file) => !existsSync(at(file)));
  if (lacking)
    console.log(`${name}: not tested, its files are not in the folder that PAPERWEIGHT_DATA names`);
  it.skipIf(lacking)(name, test);
}

async function tuned(words: readonly string[]) {
  const result = await cli(out, ["finetune", ...words, "--json"]);
  expect(result.err).toBe("");
  return JSON.parse(result.out) as {
    test: { before?: number; after: number };
    trainedCount: number;
    count: number;
  };
}

describe("finetune", () => {
  const mnist = [
    "onnx-models/mnist-8/model.onnx",
    "mnist/train-images-idx3-ubyte.gz",
    "mnist/train-labels-idx1-ubyte.gz",
    "mnist/t10k-images-idx3-ubyte.gz",
    "mnist/t10k-labels-idx1-ubyte.gz",
  ];
  onReal("mnist-8 learns inverted digits from 1000 of them", mnist, async () => {
    const [model, ...data] = mnist.map(at) as [string, string, string, string, string];
    const { test, count } = await tuned([
      model,
      "--data",
      data[0],
      data[1],
      "--test",
      data[2]!,
      data[3]!,
      "--limit",
      "1000",
      "--transform",
      "invert",
      "--scale",
      "255",
      "--lr",
      "3e-3",
      "--epochs",
      "4",
      "--batch",
      "25",
      "--validation",
      "0",
      "-o",
      "mnist.onnx",
    ]);
    expect(count).toBe(5994);
    expect(test.before).toBeCloseTo(0.329, 3);
    expect(test.after).toBeGreaterThan(0.9);
  });

  const cifar = [
    "onnx-models/squeezenet-cifar10/model.onnx",
    "cifar10/data_batch.bin",
    "cifar10/test_batch.bin",
  ];
  onReal("squeezenet's features with a new head tell animals from vehicles", cifar, async () => {
    const [model, data, test] = cifar.map(at) as [string, string, string];
    const result = await tuned([
      model,
      "--data",
      data,
      "--test",
      test,
      "--limit",
      "500",
      "--scale",
      "255",
      "--layout",
      "nhwc",
      "--classes",
      "animals=bird,cat,deer,dog,frog,horse",
      "vehicles=airplane,automobile,ship,truck",
      "--head",
      "2",
      "--trainable",
      "head/*",
      "--lr",
      "1e-2",
      "--epochs",
      "5",
      "--batch",
      "50",
      "-o",
      "cifar.onnx",
    ]);
    expect([result.trainedCount, result.count]).toEqual([514, 71490]);
    expect(result.test.after).toBeGreaterThan(0.9);
  });
});
