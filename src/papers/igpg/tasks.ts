/** The experiment's tasks: two classes of points in the plane, x ~ N(0, I). */
import { takeRows } from "../../data/dataset.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { TaskSample } from "./conditions.ts";

export interface Task {
  readonly family: "half-plane" | "ring" | "xor";
  /** Degrees, or a radius. */
  readonly parameter: number;
}

const task = (family: Task["family"]) => (parameter: number) => ({ family, parameter });

/** Six half-planes, three rings, three rotated checkerboards. */
export const allTasks: readonly Task[] = [
  ...[0, 60, 120, 180, 240, 300].map(task("half-plane")),
  ...[0.6, 0.9, 1.2].map(task("ring")),
  ...[0, 22, 45].map(task("xor")),
];

/** `xor xor=22 arch=2-8-8-2`: the standardised instruction. */
export function instructionOf({ family, parameter }: Task, widths: readonly number[]): string {
  return `${family} ${family}=${parameter} arch=${widths.join("-")}`;
}

export function taskName({ family, parameter }: Task): string {
  return `${family} ${parameter}`;
}

export const taskNames: readonly string[] = allTasks.map(taskName);

export function taskOf(name: string): Task {
  return allTasks[taskNames.indexOf(name)]!;
}

function label({ family, parameter }: Task, x1: number, x2: number): number {
  if (family === "ring") return Math.hypot(x1, x2) > parameter ? 1 : 0;
  const a = (parameter * Math.PI) / 180;
  const u = x1 * Math.cos(a) + x2 * Math.sin(a);
  if (family === "half-plane") return u > 0 ? 1 : 0;
  const w = -x1 * Math.sin(a) + x2 * Math.cos(a);
  return u * w > 0 ? 1 : 0;
}

/** Points of a task and their classes. */
export function drawTask(task: Task, key: NDArray, count: number): TaskSample {
  const x = random.normal(key, [count, 2]);
  const y = BigInt64Array.from({ length: count }, (_, i) =>
    BigInt(label(task, Number(x.data[2 * i]), Number(x.data[2 * i + 1]))),
  );
  return { x, y: new NDArray(y, [count]) };
}

/** The first points of each class: what the data embedding looks at. */
export function firstOfEachClass({ x, y }: TaskSample, perClass: number): TaskSample {
  const rows = [0, 1].flatMap((c) =>
    Array.from(y.data, Number)
      .flatMap((label, row) => (label === c ? [row] : []))
      .slice(0, perClass),
  );
  return { x: takeRows(x, rows), y: takeRows(y, rows) };
}
