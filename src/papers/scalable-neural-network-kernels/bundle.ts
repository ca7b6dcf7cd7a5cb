import { type Activation, activation as functionOf } from "../../nn/activations.ts";
import { applyDense, type LinearParams } from "../../nn/dense.ts";
import type { Model } from "../../nn/model.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { concat } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { psiValues } from "./psi-values.ts";
import {
  type FeatureDraws,
  type RandomFeatures,
  type RandomFeaturesOptions,
  randomFeatures,
  type SnnkKind,
} from "./random-features.ts";

/** One stage of a feature tower. */
export interface TowerStage extends Omit<RandomFeaturesOptions, "inputs" | "M"> {
  /** Append 1 to what the stage gets: relu features have no other way to represent constants. Default false. */
  readonly appendOne?: boolean | undefined;
}

export interface TowerParams {
  frozen: { towers: FeatureDraws[] };
}

export interface FeatureTower extends Model<TowerParams> {
  /** The length of what it gives. */
  readonly outputs: number;
  readonly stages: readonly RandomFeatures[];
}

/** Phi_L(... Phi_1(x)): random features of random features, nothing in it is trained. */
export function featureTower(o: {
  readonly inputs: number;
  readonly stages: readonly TowerStage[];
}): FeatureTower {
  if (o.stages.length === 0) throw new RangeError("featureTower: there are no stages: give at least one");
  let width = o.inputs;
  const stages = o.stages.map((stage) => {
    const made = randomFeatures({ ...stage, inputs: width + (stage.appendOne === true ? 1 : 0) });
    width = made.outputs;
    return made;
  });
  return {
    stages,
    outputs: width,
    init: (key) => {
      const keys = random.split(key, stages.length);
      return { frozen: { towers: stages.map((s, i) => s.init(keys[i]!)) } };
    },
    apply: ({ frozen }, x) =>
      stages.reduce(
        (h, s, i) => s.phi(frozen.towers[i]!, o.stages[i]!.appendOne === true ? withOne(h) : h),
        x,
      ),
  };
}

/** x [..., d] with a last entry 1: [..., d + 1]. */
export function withOne(x: Tensor): Tensor {
  return concat([x, Tensor.ones([...x.shape.slice(0, -1), 1], x.dtype)], -1);
}

export interface BundleOptions {
  /** The dense layers of the model, the last one without activation: `params.layers` of an `nn.mlp`. */
  readonly layers: readonly LinearParams[];
  /** Layers at the start that stay as they are, and the activation behind each of them. Default 0, relu. */
  readonly from?: number | undefined;
  readonly activation?: Activation | undefined;
  /** Features of each replaced layer, all but the last. */
  readonly features: readonly number[];
  /** The activation that each replaced layer has. */
  readonly kinds: readonly SnnkKind[];
  readonly orthogonal?: boolean | undefined;
}

export interface BundledParams extends TowerParams {
  layers: LinearParams[];
  /** [features of the last stage, outputs]: all that is trained beside the layers that stay. */
  bundle: NDArray;
  /** Of the last layer, where it has one. */
  bias?: NDArray;
}

/**
 * A trained net with its layers from `from` on collapsed into one feature tower and one matrix: out = Phi_L(... Phi_1(h)) bundle. A
 * second layer acts on Phi_1 with the kernel psi_1 kernel_2, and so on, so the first values of `bundle` are those of the net, as far as the
 * features approximate it; train it, or solve for it in closed form (`fitBundled`). A bias of a relu layer goes into the kernel, and 1
 * is appended to its input.
 */
export function bundle(o: BundleOptions): Model<BundledParams> & { readonly tower: FeatureTower } {
  const { layers, from = 0, features, kinds, orthogonal } = o;
  const replaced = layers.slice(from, -1);
  if (replaced.length < 1 || replaced.length !== features.length || kinds.length !== features.length)
    throw new RangeError(
      `bundle: ${layers.length} layers from ${from} on leave ${Math.max(0, replaced.length)} to replace, features has ${features.length} entries and kinds ${kinds.length}: give one of each for every replaced layer`,
    );
  const inner = functionOf(o.activation ?? "relu");
  const tower = featureTower({
    inputs: replaced[0]!.kernel.shape[0]!,
    stages: replaced.map((layer, i) => ({
      features: features[i]!,
      kind: kinds[i]!,
      orthogonal,
      appendOne: kinds[i] === "relu" && layer.bias !== undefined,
    })),
  });
  return {
    tower,
    init: (key) => {
      const { frozen } = tower.init(key);
      let psi: NDArray | undefined;
      replaced.forEach((layer, i) => {
        psi = psiValues(kinds[i]!, frozen.towers[i]!, carried(layer, psi, kinds[i]!));
      });
      const last = layers.at(-1)!;
      const matrix = product(psi!, last.kernel);
      return {
        layers: layers.slice(0, from),
        bundle: matrix,
        ...(last.bias === undefined ? {} : { bias: last.bias }),
        frozen,
      };
    },
    apply: ({ layers: kept, bundle: kernel, bias, frozen }, x) => {
      const h = kept.reduce((a, layer) => inner(applyDense(layer, a)), x);
      return applyDense({ kernel, ...(bias === undefined ? {} : { bias }) }, tower.apply({ frozen }, h));
    },
  };
}

/** The layer as it acts on the features before it: psi kernel. A relu layer's bias becomes a row. */
function carried({ kernel, bias }: LinearParams, psi: NDArray | undefined, kind: SnnkKind): LinearParams {
  const acting = psi === undefined ? kernel : product(psi, kernel);
  if (bias === undefined) return { kernel: acting };
  if (kind !== "relu") return { kernel: acting, bias };
  const [rows, units] = acting.shape as [number, number];
  const data = new Float32Array((rows + 1) * units);
  data.set(acting.data as Float32Array);
  data.set(bias.data as Float32Array, rows * units);
  return { kernel: new NDArray(data, [rows + 1, units]) };
}

function product(a: NDArray, b: NDArray): NDArray {
  const [n, k, m] = [a.shape[0]!, a.shape[1]!, b.shape[1]!];
  const out = new Float32Array(n * m);
  const row = new Float64Array(m);
  for (let i = 0; i < n; i++) {
    row.fill(0);
    for (let j = 0; j < k; j++) {
      const v = Number(a.data[i * k + j]);
      for (let c = 0; c < m; c++) row[c]! += v * Number(b.data[j * m + c]);
    }
    out.set(row, i * m);
  }
  return new NDArray(out, [n, m]);
}
