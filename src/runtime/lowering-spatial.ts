/** Convolutions, pools, norms and resizing in float64, in terms of operators that ONNX Runtime's CPU provider has kernels for. */
import { floatAttribute, intAttribute, type Node } from "../tensor/node.ts";
import { mapAxis } from "../tensor/operators/axis-map.ts";
import {
  batchStatistics,
  epsilonOf,
  normalisedBatch,
  perChannel,
} from "../tensor/operators/batch-normalisation.ts";
import { convWindows, groupsOf, transposedWindows, turned } from "../tensor/operators/convolution.ts";
import { where } from "../tensor/operators/elementwise.ts";
import { scatterElements } from "../tensor/operators/indexing.ts";
import { concat, pad } from "../tensor/operators/movement.ts";
import { localPower } from "../tensor/operators/normalisation.ts";
import { averageMaps, mapSpatial, normOf, sumMaps } from "../tensor/operators/pooling.ts";
import { resizeMaps } from "../tensor/operators/resize.ts";
import { extent, offsets, shifted, type Windows } from "../tensor/operators/windows.ts";
import { normalAxis, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Lowering } from "./lowering.ts";

/** A node's inputs and attributes, as the rules of the operator table take them. */
function callOf({ attributes }: Node, inputs: readonly (Tensor | undefined)[]) {
  return { x: inputs as readonly Tensor[], attributes };
}

/** All that the windows cover, side by side, times the kernel: one matrix product. */
function convolved(x: Tensor, kernel: Tensor, w: Windows, groups: number): Tensor {
  const [n, c, m] = [x.shape[0]!, x.shape[1]!, kernel.shape[0]!];
  const places = sizeOf(w.output);
  const padded = pad(x, [[0, 0], [0, 0], ...w.pads]);
  const columns = offsets(w.kernel).map((o) =>
    shifted(padded, w, o).reshape([n, groups, c / groups, 1, places]),
  );
  const rows = kernel.reshape([groups, m / groups, -1]);
  const product = rows.matmul(concat(columns, 3).reshape([n, groups, rows.shape[2]!, places]));
  return product.reshape([n, m, ...w.output]);
}

function biased(y: Tensor, bias: Tensor | undefined): Tensor {
  return bias === undefined ? y : y.add(perChannel(bias, y));
}

const conv: Lowering = (node, inputs) => {
  const [x, kernel, bias] = inputs;
  const windows = convWindows(callOf(node, inputs));
  return [biased(convolved(x!, kernel!, windows, groupsOf(node.attributes)), bias)];
};

/** The convolution with the turned kernel over the input with stride - 1 zeros between its elements. */
const convTranspose: Lowering = (node, inputs) => {
  const [x, kernel, bias] = inputs;
  const w = transposedWindows(callOf(node, inputs));
  const groups = groupsOf(node.attributes);
  const wide = w.stride.reduce((t, s, i) => spaced(t, i + 2, s), x!);
  const pads = w.pads.map(([before], i) => {
    const start = extent(w, i) - 1 - before;
    return [start, w.input[i]! + extent(w, i) - 1 - start - wide.shape[i + 2]!] as const;
  });
  const sliding = {
    ...w,
    input: wide.shape.slice(2),
    output: w.input,
    stride: w.stride.map(() => 1),
    pads,
  };
  return [biased(convolved(wide, turned(kernel!, groups), sliding, groups), bias)];
};

/** Each element followed by zeros. */
function spaced(x: Tensor, axis: number, step: number): Tensor {
  if (step === 1) return x;
  const widths = [...x.shape.slice(0, axis + 1).map(() => [0, 0] as const), [0, step - 1] as const];
  return pad(x.unsqueeze(axis + 1), widths).reshape(x.shape.map((d, i) => (i === axis ? d * step : d)));
}

const spatialAxes = (x: Tensor) => x.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
const kept = { keepDims: true };

const layerNorm: Lowering = (node, [x, scale, bias]) => {
  const axis = normalAxis(intAttribute(node.attributes, "axis", -1), x!.rank);
  const axes = x!.shape.flatMap((_, i) => (i < axis ? [] : [i]));
  const mean = x!.mean(axes, kept);
  const centred = x!.sub(mean);
  const inverse = centred.mul(centred).mean(axes, kept).add(epsilonOf(node)).sqrt().reciprocal();
  const y = centred.mul(inverse).mul(scale!);
  return [bias === undefined ? y : y.add(bias), mean, inverse];
};

export const batchNorm: Lowering = (node, [x, scale, bias, mean, variance]) => {
  const { attributes } = node;
  const epsilon = epsilonOf(node);
  if (intAttribute(attributes, "training_mode", 0) === 1) {
    const batch = batchStatistics(x!);
    const old = floatAttribute(attributes, "momentum", 0.9);
    const running = (before: Tensor, now: Tensor) => before.mul(old).add(now.mul(1 - old));
    const y = normalisedBatch(x!, scale!, bias!, epsilon);
    return [y, running(mean!, batch.mean), running(variance!, batch.variance)];
  }
  const factor = scale!.div(variance!.add(epsilon).sqrt());
  return [biased(x!.sub(perChannel(mean!, x!)).mul(perChannel(factor, x!)), bias)];
};

const resize: Lowering = (node, inputs) => {
  const x = inputs[0]!;
  const maps = resizeMaps(callOf(node, inputs));
  const y = maps.reduce((t, { axis, map }) => mapAxis(t, axis, map), x);
  const outside = floatAttribute(node.attributes, "extrapolation_value", 0);
  if (outside === 0) return [y];
  const inside = maps.map(({ axis, map }) => {
    const here = Tensor.constant(map.taps.map((t) => t.length > 0));
    return here.reshape(y.shape.slice(axis).map((_, i) => (i === 0 ? map.taps.length : 1)));
  });
  return [inside.reduce((t, here) => where(here, t, outside), y)];
};

const maxUnpool: Lowering = ({ outputs }, [x, places]) => {
  const { shape, dtype, size } = outputs[0]!;
  return [scatterElements(Tensor.zeros([size], dtype), places!.flatten(), x!.flatten()).reshape(shape)];
};

/** By operator name. Norms that have a kernel are here too: it takes epsilon in float32. */
export const spatialLowerings: Readonly<Record<string, Lowering>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  AveragePool: (node, inputs) => [mapSpatial(inputs[0]!, averageMaps(callOf(node, inputs)))],
  LpPool: (node, inputs) => {
    const maps = sumMaps(callOf(node, inputs));
    return [normOf(inputs[0]!, node.attributes, (t) => mapSpatial(t, maps))];
  },
  GlobalAveragePool: (_, [x]) => [x!.mean(spatialAxes(x!), kept)],
  GlobalMaxPool: (_, [x]) => [x!.max(spatialAxes(x!), kept)],
  GlobalLpPool: (node, [x]) => [normOf(x!, node.attributes, (t) => t.sum(spatialAxes(t), kept))],
  MaxUnpool: maxUnpool,
  LayerNormalization: layerNorm,
  BatchNormalization: batchNorm,
  LRN: ({ attributes }, [x]) => {
    const { power, beta } = localPower(x!, attributes);
    return [x!.mul(power.pow(-beta))];
  },
  Resize: resize,
};
