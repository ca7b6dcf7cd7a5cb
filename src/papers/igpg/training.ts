import type { Device } from "../../runtime/backend.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { CheckpointStore } from "../../train/checkpoint.ts";
import type { StepEvent } from "../../train/options.ts";

/** How something is trained. */
export interface Training {
  readonly steps?: number | undefined;
  /** Default `random.key(0)`. */
  readonly key?: NDArray | undefined;
  readonly device?: Device | undefined;
  /** Default 1. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly checkpoint?: CheckpointStore | undefined;
  readonly onStep?: ((event: StepEvent) => void) | undefined;
}

/** How often in a training the loss is recorded. */
const RECORDS = 40;

export function trainingOptions(o: Training, standard: number) {
  const { steps = standard, key = random.key(0), device, threads = 1, signal, checkpoint, onStep } = o;
  const checkpointEvery = Math.max(1, Math.floor(steps / 4));
  const evalEvery = Math.max(1, Math.floor(steps / RECORDS));
  return { steps, key, device, threads, signal, checkpoint, onStep, checkpointEvery, evalEvery };
}

/** Batches of rows drawn with replacement from arrays of as many rows each, by a key; the arrays are filled anew each time. */
export function rowPicker<T extends Readonly<Record<string, NDArray>>>(data: T, batch: number) {
  const names = Object.keys(data) as (keyof T)[];
  const rows = data[names[0]!]!.shape[0]!;
  const buffers = Object.fromEntries(
    names.map((name) => [name, NDArray.zeros([batch, ...data[name]!.shape.slice(1)], data[name]!.dtype)]),
  ) as { [K in keyof T]: NDArray };
  return (key: NDArray, choose = (u: number) => Math.floor(u * rows)) => {
    const draws = random.uniform(key, [batch], { dtype: "float64" }).data as Float64Array;
    for (let i = 0; i < batch; i++) {
      const row = choose(draws[i]!);
      for (const name of names) copyRow(data[name]!, row, buffers[name], i);
    }
    return buffers;
  };
}

function copyRow(from: NDArray, row: number, to: NDArray, at: number): void {
  const size = from.size / from.shape[0]!;
  const part = from.data.subarray(row * size, (row + 1) * size) as Float32Array;
  (to.data as Float32Array).set(part, at * size);
}
