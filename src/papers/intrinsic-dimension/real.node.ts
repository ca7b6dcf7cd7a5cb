import { openDataset } from "../../data/cache.node.ts";
import { toFloat } from "../../data/images.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Task } from "./tasks.ts";

/** MNIST or a balanced part of CIFAR-10 from the folder of data sets, values from 0 to 1: the first `images` training images, and the test set. */
export async function openImages(name: "mnist" | "cifar10", images: number): Promise<Task> {
  const { train, test } = await openDataset(name === "cifar10" ? "cifar10-subset" : name);
  const of = ({ features, labels }: typeof train, n: number) => {
    const size = features.size / features.shape[0]!;
    const first = new NDArray((features.data as Uint8Array).subarray(0, n * size), [
      n,
      ...features.shape.slice(1),
    ]);
    return { x: toFloat(first), y: new NDArray(labels.data.slice(0, n), [n], "int64") };
  };
  return {
    train: of(train, Math.min(images, train.features.shape[0]!)),
    test: of(test, test.features.shape[0]!),
  };
}
