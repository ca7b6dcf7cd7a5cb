/** The images of tasks C and T. */
import { affine, rotation } from "../../data/affine.ts";
import { take } from "../../data/dataset.ts";
import { segdigits } from "../../data/generators/segdigits.ts";
import { toFloat } from "../../data/images.ts";
import type { TrainTest } from "../../data/registry.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Config } from "./config.ts";
import type { Examples } from "./fitting.ts";

/** Read once. */
let mnist: Promise<TrainTest> | undefined;

async function openMnist(): Promise<TrainTest> {
  const { openDataset } = await import("../../data/cache.node.ts");
  return openDataset("mnist");
}

/** x float32 [n, pixels], y int64 [n]. */
export async function images(
  source: Config["images"],
  key: NDArray,
  o: { readonly count: number; readonly part: "train" | "test"; readonly from?: number },
): Promise<Examples> {
  if (source === "segdigits") {
    const { features, labels } = segdigits(key, o.count);
    return { x: features, y: labels };
  }
  mnist ??= openMnist();
  const all = (await mnist)[o.part];
  const start = o.from ?? 0;
  const rows = Math.min(o.count, all.labels.size - start);
  const part = take(
    all,
    Array.from({ length: rows }, (_, i) => start + i),
  );
  return { x: toFloat(part.features).reshape([rows, -1]), y: part.labels };
}

/** The target task of T: turned by 35 degrees, intensity 1 - value, labels (3 y + 1) mod 10. */
export function otherTask({ x, y }: Examples): Examples {
  const [n, pixels] = x.shape as [number, number];
  const side = Math.round(Math.sqrt(pixels));
  const turned = affine(x.reshape([n, 1, side, side]), rotation((35 * Math.PI) / 180));
  const inverted = Float32Array.from(turned.data as Float32Array, (v) => 1 - v);
  const labels = BigInt64Array.from(y.data as BigInt64Array, (label) => (3n * label + 1n) % 10n);
  return { x: new NDArray(inverted, [n, pixels]), y: new NDArray(labels, [n]) };
}
