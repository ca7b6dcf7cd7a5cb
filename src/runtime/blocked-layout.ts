/**
 * Convolutions in the layout of ONNX Runtime's fastest CPU kernels: channels in blocks of `block` numbers, [N, C / block, H, W, block] in
 * memory, while the declared shape stays [N, C, H, W]. ONNX Runtime turns to it by itself only where kernels are constants; here they
 * are inputs, and are reordered in the graph. What stands between convolutions (activations, sums, batch normalisation) stays
 * in the layout, so that a stack of them is reordered only where it begins and ends.
 */
import { INTERNAL, intAttribute, type Node, operators } from "../tensor/node.ts";
import { kernelGradientWindows } from "../tensor/operators/convolution.ts";
import { pad } from "../tensor/operators/movement.ts";
import { extent } from "../tensor/operators/windows.ts";
import { reachable, rebuilt } from "../tensor/rewrite.ts";
import { type Shape, sameShape, sizeOf } from "../tensor/shape.ts";
import { applyUnknown, type Tensor } from "../tensor/tensor.ts";

const DOMAIN = "com.microsoft.nchwc";

/** A tensor of the graph in one layout or both. A form that nothing asks for is never made. */
interface Forms {
  plain?: Tensor;
  blocked?: Tensor;
}

/** The same expressions, with convolutions and what follows them in blocks of `block` channels where that is possible. */
export function blockConvolutions(roots: readonly Tensor[], block: number): Tensor[] {
  const nodes = reachable(roots);
  const graph = new Blocking(block);
  for (const node of nodes) graph.add(node);
  return roots.map((t) => graph.plain(t));
}

/** Is there anything that the layout is for? */
export function hasConvolutions(roots: readonly Tensor[]): boolean {
  return reachable(roots).some(
    (n) => n.op === "Conv" && n.domain === "" && n.outputs[0]!.dtype === "float32",
  );
}

class Blocking {
  private readonly forms = new Map<Tensor, Forms>();

  constructor(private readonly block: number) {}

  add(node: Node): void {
    const [y] = node.outputs;
    const made = node.outputs.length === 1 ? this.rule(node, y!) : undefined;
    if (made !== undefined) {
      this.forms.set(y!, made);
      return;
    }
    const plain = rebuilt(
      node,
      node.inputs.map((t) => t && this.plain(t)),
    );
    node.outputs.forEach((t, i) => this.forms.set(t, { plain: plain[i]! }));
  }

  plain(t: Tensor): Tensor {
    const forms = this.forms.get(t)!;
    forms.plain ??= reorderOutput(forms.blocked!);
    return forms.plain;
  }

  private rule(node: Node, y: Tensor): Forms | undefined {
    if (node.name === "Conv") return this.convolution(node, y);
    if (node.name === `${INTERNAL}.ConvKernelGradient`) return this.kernelGradient(node, y);
    if (node.domain !== "") return undefined;
    if (node.op === "GlobalAveragePool" && this.native(node.inputs[0]))
      return { plain: this.means(node.inputs[0]!) };
    if (node.op === "ReduceSum" || node.op === "ReduceMean") return this.reduction(node, y);
    return this.fits(y.shape) ? this.elementwise(node, y) : undefined;
  }

  private fits(shape: Shape): boolean {
    return shape.length === 4 && shape[1]! % this.block === 0;
  }

  /** Is it computed in blocks, so that they cost nothing? */
  private native(t: Tensor | undefined): boolean {
    return t !== undefined && this.forms.get(t)?.blocked !== undefined;
  }

  private blocked(t: Tensor): Tensor {
    const forms = this.forms.get(t)!;
    forms.blocked ??= reorderInput(forms.plain!);
    return forms.blocked;
  }

  private convolution({ inputs, attributes }: Node, y: Tensor): Forms | undefined {
    const [x, kernel, bias] = inputs as readonly [Tensor, Tensor, Tensor | undefined];
    const groups = intAttribute(attributes, "group", 1);
    const [taken, pointwise] = [kernel.shape[1]!, sizeOf(kernel.shape.slice(2)) === 1];
    if (y.dtype !== "float32" || !this.fits(y.shape)) return undefined;
    const b = this.block;
    // A product of matrices is as fast by itself, where nothing is in blocks already.
    if (pointwise && !this.native(x)) return undefined;
    const depthwise = taken === 1 && groups === y.shape[1];
    const shallow = groups === 1 && taken < b && !this.native(x);
    const deep = taken % b === 0 && (y.shape[1]! / groups) % b === 0;
    if (!depthwise && !shallow && !deep) return undefined;
    const data = shallow ? this.plain(x) : this.blocked(x);
    const weights = blockKernel(this.plain(kernel), b, deep && !depthwise);
    const all = [data, weights, ...(bias === undefined ? [] : [this.plain(bias)])];
    const settings = { ...attributes, group: groups, kernel_shape: kernel.shape.slice(2) };
    return { blocked: ofType("Conv", all, settings, y) };
  }

  /**
   * A convolution with the places of y as the kernel: channels are examples in it and examples are channels. y in blocks of its own
   * channels is nearly what its kernel must be: only blocks of examples go inside.
   */
  private kernelGradient(node: Node, dk: Tensor): Forms | undefined {
    const [x, y] = node.inputs as readonly [Tensor, Tensor];
    const [n, m, ...places] = y.shape as [number, number, ...number[]];
    const b = this.block;
    const w = kernelGradientWindows({ x: [x, y], attributes: node.attributes });
    const single = sizeOf(w.kernel) === 1 && w.pads.every((p) => p[0] + p[1] === 0);
    const grouped = intAttribute(node.attributes, "group", 1) !== 1;
    if (single || grouped || x.dtype !== "float32" || !this.fits(y.shape) || n % b !== 0) return undefined;
    const kernel = this.blocked(y)
      .reshape([n / b, b, m / b, sizeOf(places), b])
      .transpose([2, 0, 3, 1, 4])
      .reshape([m, n, ...places]);
    // The padding in numbers: the kernels are fastest where no place is outside. Behind the last window it is cut.
    const ends = w.pads.map(([before], i) => {
      const reach = (w.output[i]! - 1) * w.stride[i]! + extent(w, i);
      return [before, reach - before - w.input[i]!] as const;
    });
    const data = pad(this.plain(x).transpose([1, 0, 2, 3]), [[0, 0], [0, 0], ...ends]);
    const settings = { kernel_shape: places, strides: w.dilation, dilations: w.stride, group: 1 };
    const shape = [x.shape[1]!, m, ...w.kernel];
    const [sums] = applyUnknown("Conv", DOMAIN, [reorderInput(data), kernel], settings, [
      { shape, dtype: dk.dtype },
    ]);
    return { plain: reorderOutput(sums!).transpose([1, 0, 2, 3]) };
  }

  /** The means over all places of each channel of each example: [N, C, 1, 1], where both layouts are the same memory. */
  private means(x: Tensor): Tensor {
    const shape = [x.shape[0]!, x.shape[1]!, 1, 1];
    const pooled = applyUnknown("GlobalAveragePool", DOMAIN, [this.blocked(x)], {}, [
      { shape, dtype: x.dtype },
    ])[0]!;
    return pooled.reshape(shape);
  }

  /** The sum or mean of each channel over the batch and all places. */
  private reduction(node: Node, y: Tensor): Forms | undefined {
    const [x, axes] = node.inputs;
    if (!this.native(x) || x!.dtype !== "float32" || axes?.node.value === undefined) return undefined;
    const over = Array.from(axes.node.value.data as Iterable<number | bigint>, (a) => (Number(a) + 4) % 4);
    if (over.length !== 3 || over.includes(1)) return undefined;
    const mean = this.means(x!).reshape([x!.shape[0]!, x!.shape[1]!]).mean(0);
    const total = node.op === "ReduceMean" ? mean : mean.mul(x!.size / x!.shape[1]!);
    return { plain: total.reshape(y.shape) };
  }

  /** An elementwise operator on tensors of one shape, scalars, and numbers for each channel. */
  private elementwise(node: Node, y: Tensor): Forms | undefined {
    const inputs = node.inputs as readonly Tensor[];
    if (!isElementwise(node) || !inputs.some((t) => this.native(t))) return undefined;
    const own = inputs.map((t) => {
      if (t.size === 1) return () => this.plain(t).reshape([]);
      if (perChannel(t.shape, y.shape)) return () => this.spread(this.plain(t), y.shape);
      if (!sameShape(t.shape, y.shape)) return undefined;
      return this.native(t) || t.dtype === "float32" ? () => this.blocked(t) : undefined;
    });
    if (own.includes(undefined)) return undefined;
    const blocked = rebuilt(
      node,
      own.map((form) => form!()),
    );
    return { blocked: blocked[0]! };
  }

  /** A number for each channel at each place: in blocks, ONNX Runtime would broadcast it 16 numbers at a time. */
  private spread(t: Tensor, [, c, h, w]: Shape): Tensor {
    const b = this.block;
    return t
      .reshape([c! / b, 1, b])
      .expand([c! / b, h! * w!, b])
      .reshape([c!, h!, w!]);
  }
}

/** [C, 1, 1] beside [N, C, H, W]. */
function perChannel(shape: Shape, [, c]: Shape): boolean {
  return shape.at(-3) === c && sizeOf(shape) === c;
}

function isElementwise({ op, inputs }: Node): boolean {
  return operators.get(op)?.elementwise === true || (inputs.length === 1 && unaries.has(op));
}

const unaries = new Set(
  "Neg Abs Sign Floor Ceil Round Sqrt Reciprocal Exp Log Tanh Erf Sigmoid Relu Softplus Gelu Elu LeakyRelu HardSigmoid HardSwish Mish Cast Not".split(
    " ",
  ),
);

function ofType(op: string, inputs: readonly Tensor[], attributes: Node["attributes"], y: Tensor): Tensor {
  return applyUnknown(op, DOMAIN, inputs, attributes, [{ shape: y.shape, dtype: y.dtype }])[0]!;
}

function reorderInput(x: Tensor): Tensor {
  if (x.node.op === "ReorderOutput" && x.node.domain === DOMAIN) return x.node.inputs[0]!;
  return ofType("ReorderInput", [x], { channels_last: 0 }, x);
}

function reorderOutput(x: Tensor): Tensor {
  if (x.dtype === "bool") return reorderOutput(x.cast("float32")).cast("bool");
  return ofType("ReorderOutput", [x], { channels: x.shape[1]!, channels_last: 0 }, x);
}

/** [M, C, H, W] in blocks of output channels and, if `deep`, of input channels: [M / b, C / b, H, W, b, b] or [M / b, C, H, W, b]. */
function blockKernel(kernel: Tensor, b: number, deep: boolean): Tensor {
  const [m, c, h, w] = kernel.shape as [number, number, number, number];
  const blocks = deep
    ? kernel.reshape([m / b, b, c / b, b, h, w]).transpose([0, 2, 4, 5, 3, 1])
    : kernel.reshape([m / b, b, c, h, w]).transpose([0, 2, 3, 4, 1]);
  return blocks.reshape(kernel.shape);
}
