/** The files themselves, where PAPERWEIGHT_DATA names a folder that has them: figures that are known of them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { columnOf, tableDataset } from "./csv.ts";
import { classCounts, type Dataset } from "./dataset.ts";
import { openDataset } from "./index.node.ts";
import { type DatasetName, datasetEntry } from "./registry.ts";
import { uciTables } from "./registry-uci.ts";
import { byteVocabulary, wordVocabulary } from "./text.ts";

const folder = process.env.PAPERWEIGHT_DATA ?? "";
const lacking = (name: DatasetName) =>
  folder === "" || datasetEntry(name).files.some((file) => !existsSync(join(folder, file.path)));

/** Tests of a data set, which say why where they are left out. */
function onReal(name: DatasetName, tests: () => void): void {
  const skip = lacking(name);
  if (skip) console.log(`${name}: not tested, its files are not in the folder that PAPERWEIGHT_DATA names`);
  describe.skipIf(skip)(name, tests);
}

const mean = (data: ArrayLike<number | bigint>, from = 0, to = data.length) => {
  let sum = 0;
  for (let i = from; i < to; i++) sum += Number(data[i]);
  return sum / (to - from);
};

onReal("mnist", () => {
  it("has the known counts, and the known mean and deviation of its pixels", async () => {
    const { train, test } = await openDataset("mnist");
    expect([train.features.shape, test.features.shape]).toEqual([
      [60000, 1, 28, 28],
      [10000, 1, 28, 28],
    ]);
    expect(classCounts(train.labels, 10)).toEqual([
      5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]);
    expect(classCounts(test.labels, 10)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect(mean(train.features.data) / 255).toBeCloseTo(0.1307, 4);
    expect(Array.from(train.labels.data.slice(0, 5), Number)).toEqual([5, 0, 4, 1, 9]);
  });
});

onReal("cifar10-subset", () => {
  it("has classes of equal size, and nearly the known pixel mean of CIFAR-10", async () => {
    const { train, test } = await openDataset("cifar10-subset");
    expect(classCounts(train.labels, 10)).toEqual(new Array(10).fill(1000));
    expect(classCounts(test.labels, 10)).toEqual(new Array(10).fill(200));
    const channel = (c: number) => {
      const planes = Array.from({ length: 10_000 }, (_, i) =>
        mean(train.features.data, (i * 3 + c) * 1024, (i * 3 + c + 1) * 1024),
      );
      return mean(planes) / 255;
    };
    [0.4914, 0.48216, 0.44653].forEach((known, c) =>
      expect(Math.abs(channel(c) - known)).toBeLessThan(0.005),
    );
  });
});

const perClass = ({ labels, classes }: Dataset) => new Set(classCounts(labels, classes!.length));

onReal("omniglot-small", () => {
  it("has 20 drawings of each class, on 105 x 105 pixels, little ink", async () => {
    const set = await openDataset("omniglot-small");
    expect(set.alphabets).toEqual([
      "Balinese",
      "Early_Aramaic",
      "Greek",
      "Japanese_(katakana)",
      "Korean",
      "Latin",
      "Sanskrit",
      "Tagalog",
    ]);
    expect(set.features.shape.slice(1)).toEqual([1, 105, 105]);
    expect(perClass(set)).toEqual(new Set([20]));
    expect(mean(set.features.data)).toBeGreaterThan(0.02);
    expect(mean(set.features.data)).toBeLessThan(0.1);
  });
});

onReal("omniglot-evaluation", () => {
  it("has 659 classes of 20 alphabets", async () => {
    const set = await openDataset("omniglot-evaluation");
    expect([set.classes.length, set.alphabets.length, set.features.shape]).toEqual([
      659,
      20,
      [13180, 1, 105, 105],
    ]);
    expect(perClass(set)).toEqual(new Set([20]));
  });
});

onReal("omniglot28", () => {
  it("has 964 background and 659 evaluation classes", async () => {
    const { background, evaluation } = await openDataset("omniglot28");
    expect([background.classes.length, background.alphabets.length]).toEqual([964, 30]);
    expect([evaluation.classes.length, evaluation.alphabets.length]).toEqual([659, 20]);
    expect([perClass(background), perClass(evaluation)]).toEqual([new Set([20]), new Set([20])]);
  });
});

onReal("tiny-shakespeare", () => {
  it("has 1,115,394 characters, 65 distinct, 40,000 lines", async () => {
    const text = await openDataset("tiny-shakespeare");
    const bytes = byteVocabulary(text);
    expect([text.length, bytes.size, text.split("\n").length - 1]).toEqual([1_115_394, 65, 40_000]);
    expect(bytes.decode(bytes.encode(text.slice(0, 100)))).toBe(text.slice(0, 100));
  });
});

onReal("gutenberg-words", () => {
  it("has 859,938 words, 30,309 distinct, 9,994 that are seen 5 times or more", async () => {
    const text = await openDataset("gutenberg-words");
    expect(wordVocabulary(text).size - 1).toBe(30_309);
    const frequent = wordVocabulary(text, { minCount: 5 });
    expect(frequent.size - 1).toBe(9_994);
    expect(frequent.counts.reduce((a, b) => a + b, 0)).toBe(859_938);
  });
});

interface Field {
  name: string;
  type: string;
  role: string;
  values?: string[];
  missing?: number;
}
interface Manifest {
  datasets: {
    name: string;
    rows: number;
    target: string;
    fields: Field[];
    class_counts?: Record<string, number>;
    target_mean?: number;
  }[];
}

const manifestPath = join(folder, "uci", "MANIFEST.json");
const known =
  folder !== "" && existsSync(manifestPath)
    ? (JSON.parse(readFileSync(manifestPath, "utf8")) as Manifest).datasets
    : [];
if (known.length === 0)
  console.log("uci: not tested, MANIFEST.json is not in the folder that PAPERWEIGHT_DATA names");

describe.skipIf(known.length === 0)("the tables of uci, against their manifest", () => {
  it("are all in the registry", () => {
    expect(uciTables.map((t) => t.name)).toEqual(known.map((d) => d.name));
  });

  it.each(known)("$name", async ({ name, rows, target, fields, class_counts, target_mean }) => {
    const { table, ...o } = await openDataset(`uci/${name}`);
    expect([table.rows, o.target, o.ignore]).toEqual([
      rows,
      target,
      fields.filter((f) => f.role === "ignore").map((f) => f.name),
    ]);
    expect(table.columns.map((c) => c.name)).toEqual(fields.map((f) => f.name));
    for (const field of fields.filter((f) => f.role !== "ignore")) {
      const column = columnOf(table, field.name);
      expect([field.name, column.missing]).toEqual([field.name, field.missing ?? 0]);
      // Columns of codes that order what they stand for are numbers here.
      if (column.type === "categorical") expect(column.categories).toEqual([...(field.values ?? [])].sort());
      else if (field.type === "categorical") expect(name).toBe("dermatology");
    }
    const { features, labels, classes } = tableDataset(table, { ...o, missing: "mean" });
    expect(features.data.every((x) => Number.isFinite(x as number))).toBe(true);
    if (target_mean !== undefined) expect(mean(labels.data)).toBeCloseTo(target_mean, 4);
    if (class_counts === undefined) return;
    const counts = classCounts(labels, classes!.length);
    expect(Object.fromEntries(classes!.map((c, i) => [c, counts[i]]))).toEqual(class_counts);
  });
});
