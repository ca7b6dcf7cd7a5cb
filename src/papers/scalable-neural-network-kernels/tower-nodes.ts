/** A feature tower with its solved matrix, for a chain of layers: as a traced model to fit, and as nodes of a file. */
import type { FreshNames } from "../../onnx/node-editor.ts";
import type { NodeProto } from "../../onnx/schema.ts";
import { createMessage } from "../../onnx/wire.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { type FeatureTower, featureTower, type TowerParams, withOne } from "./bundle.ts";

/** Relu features, or cosines and sines of the input scaled to one norm, which stand for all other activations. */
export const chainKinds = ["relu", "waves"] as const;
export type ChainKind = (typeof chainKinds)[number];

/** The norm that the input of waves is scaled to, its appended 1 included. */
const NORM = 2;

export interface ChainTower {
  readonly kind: ChainKind;
  readonly inputs: number;
  /** Random rows of each stage. */
  readonly features: number;
  readonly depth: number;
  /** Inputs of waves are multiplied by it before the 1 is appended. */
  readonly scale: number;
  readonly tower: FeatureTower;
}

/** `depth` stages of `features` rows each. `scale` is 1 / (the typical norm of the input). */
export function chainTower(o: Omit<ChainTower, "tower">): ChainTower {
  const { kind, inputs, features, depth } = o;
  const stage = (i: number) => ({
    features,
    kind: kind === "relu" ? ("relu" as const) : ("cos" as const),
    normalize: kind === "relu" ? undefined : NORM,
    appendOne: i === 0,
  });
  return { ...o, tower: featureTower({ inputs, stages: Array.from({ length: depth }, (_, i) => stage(i)) }) };
}

/** The features of x, with a 1 behind them for the bias of the output. */
export function chainFeatures({ kind, scale, tower }: ChainTower): {
  apply(params: Traced<TowerParams>, x: Tensor): Tensor;
} {
  return { apply: (p, x) => withOne(tower.apply(p, kind === "relu" ? x : x.mul(scale))) };
}

/** Numbers and products of one row, without those of the activation itself. */
export function costOf({ kind, inputs, features, depth, tower }: ChainTower, units: number) {
  const hidden = (depth - 1) * features * tower.outputs;
  return {
    trainables: (tower.outputs + 1) * units,
    frozen: features * (inputs + 1) + hidden,
    multiplyAdds: features * inputs + hidden + tower.outputs * units + (kind === "waves" ? 2 * inputs : 0),
  };
}

export interface EmittedNodes {
  readonly nodes: readonly NodeProto[];
  readonly values: Readonly<Record<string, NDArray>>;
}

/** `chainFeatures` times `weights` [features + 1, units], as nodes from `input` to `output` with initialisers of their own. */
export function towerNodes(
  chain: ChainTower,
  { frozen }: TowerParams,
  weights: NDArray,
  o: { readonly input: string; readonly output: string; readonly names: FreshNames },
): EmittedNodes {
  const writer = new Writer(o.output, o.names);
  const projections = frozen.towers.map((t) => t.projection);
  const parts =
    chain.kind === "relu"
      ? reluParts(chain, projections, o.input, writer)
      : waveParts(chain, projections, o.input, writer);
  const factor = chain.kind === "relu" ? 1 / Math.sqrt(chain.features) : waveScale(chain);
  writer.linear(parts, weights, { factor, bias: 1, output: o.output });
  return writer;
}

/** Every stage is relu(G h) / sqrt(m); the last factor goes into the matrix behind it. */
function reluParts(
  { features }: ChainTower,
  projections: readonly NDArray[],
  input: string,
  w: Writer,
): string[] {
  let h = [input];
  projections.forEach((g, i) => {
    h = [
      w.node("Relu", [
        w.linear(h, transposed(g), i === 0 ? { factor: 1, bias: 1 } : { factor: 1 / Math.sqrt(features) }),
      ]),
    ];
  });
  return h;
}

/** e^{|x|^2 / 2} / sqrt(m): one number, as all inputs have one norm. */
const waveScale = ({ features }: ChainTower): number => Math.exp(NORM ** 2 / 2) / Math.sqrt(features);

function waveParts(
  { features, inputs, scale }: ChainTower,
  projections: readonly NDArray[],
  input: string,
  w: Writer,
): string[] {
  const ones = NDArray.full([inputs, 1], scale * scale);
  const squares = w.node("MatMul", [w.node("Mul", [input, input]), w.value("norm", ones)]);
  const norm = w.node("Sqrt", [w.node("Add", [squares, w.value("one", NDArray.from([1]))])]);
  let h = [input];
  projections.forEach((g, i) => {
    const rows = transposed(g);
    // The first rows act on [scale x, 1] / norm: the last one, of the 1, is the bias of the sum before the division.
    if (i === 0) {
      const data = rows.data as Float32Array;
      for (let k = 0; k < inputs * features; k++) data[k]! *= scale;
    }
    const sum = w.linear(
      h,
      rows,
      i === 0 ? { factor: NORM, bias: NORM } : { factor: NORM / Math.sqrt(features) },
    );
    const angle = i === 0 ? w.node("Div", [sum, norm]) : sum;
    h = [w.node("Cos", [angle]), w.node("Sin", [angle])];
  });
  return h;
}

function transposed(a: NDArray): NDArray {
  const [rows, columns] = a.shape as [number, number];
  const out = new Float32Array(a.size);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[j * rows + i] = Number(a.data[i * columns + j]);
  return new NDArray(out, [columns, rows]);
}

class Writer implements EmittedNodes {
  readonly nodes: NodeProto[] = [];
  readonly values: Record<string, NDArray> = {};

  constructor(
    private readonly stem: string,
    private readonly names: FreshNames,
  ) {}

  value(what: string, array: NDArray): string {
    const name = this.names.next(`${this.stem}/snnk/${what}`);
    this.values[name] = array;
    return name;
  }

  node(opType: string, input: readonly string[], output?: string): string {
    const name = output ?? this.names.next(`${this.stem}/snnk/${opType}`);
    const fields = {
      opType,
      input: [...input],
      output: [name],
      name: this.names.next(`${this.stem}/snnk_${opType}`),
    };
    this.nodes.push(createMessage("NodeProto", fields));
    return name;
  }

  /** [parts...] (factor rows), each part a product; with `bias`, the last row times it is added, the row of an appended 1. */
  linear(
    parts: readonly string[],
    rows: NDArray,
    { factor, bias, output }: { readonly factor: number; readonly bias?: number; readonly output?: string },
  ): string {
    const [count, columns] = rows.shape as [number, number];
    const width = (bias === undefined ? count : count - 1) / parts.length;
    const block = (from: number, to: number, by: number, shape: number[]) =>
      new NDArray(
        Float32Array.from(rows.data.subarray(from * columns, to * columns) as Float32Array, (v) => by * v),
        shape,
      );
    const products = parts.map((part, i) =>
      this.node("MatMul", [
        part,
        this.value("kernel", block(i * width, (i + 1) * width, factor, [width, columns])),
      ]),
    );
    const sum = products.slice(1).reduce((a, b) => this.node("Add", [a, b]), products[0]!);
    if (bias === undefined) return sum;
    return this.node("Add", [sum, this.value("bias", block(count - 1, count, bias, [columns]))], output);
  }
}
