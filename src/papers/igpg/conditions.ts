/** What generation is conditioned on, as vectors: fixed encoders without training and without downloads. */
import { takeRows } from "../../data/dataset.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";

/** Examples of a task: `x` [n, ...], and the class of each in `y`, int64 [n]. */
export interface TaskSample {
  readonly x: NDArray;
  readonly y: NDArray;
}

export type TextEncoder = (instruction: string) => ArrayLike<number>;
export type DataEncoder = (sample: TaskSample, classes: number) => ArrayLike<number>;

/** Examples of each class that the data embedding looks at: the first ones. */
export const PER_CLASS = 5;
const WORD_WIDTH = 64;
const FEATURES = 32;

/** The sum of the words' vectors: every word has 64 standard normal numbers of its own, drawn by its hash. */
export const hashedWords: TextEncoder = (instruction) => {
  const sum = new Float32Array(WORD_WIDTH);
  for (const word of instruction.split(/\s+/).filter((w) => w !== "")) {
    const vector = random.normal(random.key(fnv1a(word)), [WORD_WIDTH]).data as Float32Array;
    for (let i = 0; i < WORD_WIDTH; i++) sum[i]! += vector[i]!;
  }
  return sum;
};

/**
 * Fixed random ReLU features of the first five examples of each class, their mean, class after class:
 * relu(x W + b), W ~ 1.5 N(0, 1) sqrt(2 / d) for d inputs, b ~ N(0, 1). Throws where a class has fewer than five examples.
 */
export const reluFeatures: DataEncoder = (sample, classes) => {
  const { x } = sample;
  const inputs = x.size / (x.shape[0] ?? 1);
  const [forW, forB] = random.split(random.key(inputs)) as [NDArray, NDArray];
  const w = random.normal(forW, [inputs, FEATURES]).data as Float32Array;
  const b = random.normal(forB, [FEATURES]).data as Float32Array;
  const scale = 1.5 * Math.sqrt(2 / inputs);
  const out = new Float32Array(classes * FEATURES);
  for (const { row, label } of chosenRows(sample, classes)) {
    for (let f = 0; f < FEATURES; f++) {
      let sum = b[f]!;
      for (let i = 0; i < inputs; i++) sum += scale * Number(x.data[row * inputs + i]) * w[i * FEATURES + f]!;
      out[label * FEATURES + f]! += Math.max(0, sum) / PER_CLASS;
    }
  }
  return out;
};

/** The number of classes that the labels name: the largest and one. */
export function classesOf({ y }: TaskSample): number {
  return Math.max(0, ...Array.from(y.data as BigInt64Array, (label) => Number(label) + 1));
}

/** The first five rows of every class. */
function chosenRows(sample: TaskSample, classes: number): { row: number; label: number }[] {
  return rowsByClass(sample, classes, PER_CLASS).flatMap((rows, label) =>
    rows.slice(0, PER_CLASS).map((row) => ({ row, label })),
  );
}

/** The rows of every class, at least `least` of them. */
function rowsByClass({ x, y }: TaskSample, classes: number, least: number): number[][] {
  if (x.shape[0] !== y.size)
    throw new RangeError(
      `igpg: the task's sample has ${x.shape[0]} inputs and ${y.size} classes: give one for each`,
    );
  if (y.size === 0) throw new RangeError("igpg: the task's sample is empty: give 5 examples of each class");
  const found: number[][] = Array.from({ length: classes }, () => []);
  for (let row = 0; row < y.size; row++) {
    const label = Number(y.data[row]);
    if (!(Number.isInteger(label) && label >= 0 && label < classes))
      throw new RangeError(
        `igpg: the task's sample has the class ${label}: the zoo has the classes 0 to ${classes - 1}`,
      );
    found[label]!.push(row);
  }
  const few = found.findIndex((rows) => rows.length < least);
  if (few >= 0)
    throw new RangeError(
      `igpg: the task's sample has ${found[few]!.length} examples of class ${few}: give ${least} of each class`,
    );
  return found;
}

/** A sample in `count` parts of five examples per class: as many descriptions of one task. */
export function describeOften(sample: TaskSample, classes: number, count: number): TaskSample[] {
  const found = rowsByClass(sample, classes, count * PER_CLASS);
  return Array.from({ length: count }, (_, i) => {
    const rows = found.flatMap((all) => all.slice(i * PER_CLASS, (i + 1) * PER_CLASS));
    return { x: takeRows(sample.x, rows), y: takeRows(sample.y, rows) };
  });
}

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** How a zoo's conditions are made into vectors. Without `classes`, by the instruction alone. */
export interface Conditioner {
  /** Of every zoo model; undefined where the zoo has no samples. */
  readonly classes: number | undefined;
  readonly size: number;
  vector(condition: Condition): Float32Array;
}

export interface Condition {
  readonly instruction: string;
  readonly sample?: TaskSample | undefined;
}

export interface Encoders {
  /** Default `hashedWords`. */
  readonly textEncoder?: TextEncoder | undefined;
  /** Default `reluFeatures`. */
  readonly dataEncoder?: DataEncoder | undefined;
}

/** [e_A, e_D] of any condition, for a zoo whose tasks have so many classes. */
export function conditioner(classes: number | undefined, size: number, encoders: Encoders): Conditioner {
  const { textEncoder = hashedWords, dataEncoder = reluFeatures } = encoders;
  return {
    classes,
    size,
    vector({ instruction, sample }) {
      if ((sample === undefined) !== (classes === undefined))
        throw new RangeError(
          classes === undefined
            ? "igpg: the zoo has no task samples: leave out `sample`"
            : "igpg: the zoo's models have task samples: give `sample`, 5 examples of each class",
        );
      const text = Array.from(textEncoder(instruction));
      const data = sample === undefined ? [] : Array.from(dataEncoder(sample, classes!));
      const vector = Float32Array.from([...text, ...data]);
      if (size >= 0 && vector.length !== size)
        throw new RangeError(
          `igpg: the encoders give ${vector.length} numbers, those of the zoo gave ${size}: use the same encoders`,
        );
      return vector;
    },
  };
}

/** The conditioner that fits a zoo: with samples in all of its models, or in none. */
export function conditionerFor(zoo: readonly Condition[], encoders: Encoders): Conditioner {
  const sampled = zoo.filter((m) => m.sample !== undefined);
  if (sampled.length !== 0 && sampled.length !== zoo.length)
    throw new RangeError(
      `igpg: ${sampled.length} of ${zoo.length} models have a task sample: give it to all or to none`,
    );
  const classes = sampled.length === 0 ? undefined : Math.max(...sampled.map((m) => classesOf(m.sample!)));
  const first = conditioner(classes, -1, encoders).vector(zoo[0]!);
  return conditioner(classes, first.length, encoders);
}

/** Vectors as the rows of an array. */
export function stackRows(rows: readonly Float32Array[]): NDArray {
  const width = rows[0]!.length;
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    out.set(row, i * width);
  });
  return new NDArray(out, [rows.length, width]);
}
