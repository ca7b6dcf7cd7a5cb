import { crc32 } from "../../data/crc32.ts";
import type { Model } from "../../nn/model.ts";
import { reparametrize } from "../../nn/parametrization.ts";
import {
  type ProjectionKind,
  projectionKinds,
  randomSubspace,
  type Subspace,
  type SubspaceOptions,
} from "../../nn/parametrize/subspace.ts";
import { decodeSafetensors, encodeSafetensors } from "../../onnx/safetensors.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as tree from "../../tensor/tree.ts";
import { subspaceWeights } from "./train.ts";

/** A network as the coordinates of its weights in a random subspace, and what the rest is drawn from. */
export interface Compressed extends Omit<SubspaceOptions, "dimension"> {
  readonly z: NDArray;
  /** What theta0 and the projection were drawn from: the key given to `reparametrize(model, randomSubspace(...)).init`. */
  readonly key: NDArray;
  /** Of the weights, to tell whether they came out the same. */
  readonly checksum: number;
}

const FORMAT = "paperweight subspace 1";

/**
 * The file of a network trained in a random subspace: a .safetensors file with one tensor, `z` [d], and in its metadata the key of
 * theta0 and of the projection, the projection's kind and options, and a checksum (CRC-32) of the weights. `key` is the one that the
 * reparametrized model was initialised with; it must give theta0 by itself, so theta0 must not have been trained.
 *
 * ```ts
 * const bytes = await compress(model, run.pointOf(200), { key, projection: "fastfood" });
 * const params = await decompress(bytes, model); // the same to the bit
 * ```
 */
export async function compress<P>(
  model: Model<P>,
  point: Subspace<P>,
  o: Omit<SubspaceOptions, "dimension"> & { readonly key: NDArray },
): Promise<Uint8Array> {
  const { key, projection = "fastfood", density, only } = o;
  const content = { z: point.z, key, projection, density, only };
  const checksum = checksumOf(await weightsOf(model, content));
  const trained = checksumOf(
    await subspaceWeights(randomSubspace<P>({ ...content, dimension: point.z.size }), point),
  );
  if (checksum !== trained)
    throw new Error(
      "compress: the key and options do not give this point's theta0 and projection: pass those that it was made with",
    );
  return encodeSafetensors(
    { z: point.z },
    {
      format: FORMAT,
      key: Array.from(key.data as Uint32Array).join(" "),
      projection,
      ...(density === undefined ? {} : { density: String(density) }),
      ...(only === undefined ? {} : { only: JSON.stringify(only) }),
      checksum: String(checksum),
    },
  );
}

/**
 * The weights of a model from a file that `compress` made, the same to the bit. Throws one line where the file is none, or the
 * model is not the one that it was made for.
 */
export async function decompress<P>(bytes: Uint8Array, model: Model<P>): Promise<P> {
  const content = readCompressed(bytes);
  const params = await weightsOf(model, content);
  if (checksumOf(params) !== content.checksum)
    throw new Error(
      "decompress: the weights differ from those compressed: the model is another one, or drawn otherwise",
    );
  return params;
}

/** What is in a file that `compress` made. */
export function readCompressed(bytes: Uint8Array): Compressed {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { z } = tensors;
  const words = (metadata.key ?? "").split(" ").map(Number);
  if (metadata.format !== FORMAT || z === undefined || z.rank !== 1 || words.length !== 2)
    throw new Error(
      `decompress: this is no file of a subspace: its metadata must have the format "${FORMAT}"`,
    );
  if (!projectionKinds.includes(metadata.projection as ProjectionKind))
    throw new Error(`decompress: the projection "${metadata.projection}" is not known: use a newer version`);
  return {
    z,
    key: new NDArray(Uint32Array.from(words), [2]),
    projection: metadata.projection as ProjectionKind,
    density: metadata.density === undefined ? undefined : Number(metadata.density),
    only: metadata.only === undefined ? undefined : (JSON.parse(metadata.only) as string | string[]),
    checksum: Number(metadata.checksum),
  };
}

function weightsOf<P>(model: Model<P>, { z, key, ...options }: Omit<Compressed, "checksum">): Promise<P> {
  const subspace = randomSubspace<P>({ ...options, dimension: z.size });
  return subspaceWeights(subspace, { ...reparametrize(model, subspace).init(key), z });
}

function checksumOf(params: unknown): number {
  return (tree.leaves(params) as NDArray[]).reduce(
    (sum, { data }) => crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), sum),
    0,
  );
}
