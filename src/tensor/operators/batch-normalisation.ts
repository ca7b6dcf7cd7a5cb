/** Normalisation of each channel over a batch. */
import { fail } from "../fail.ts";
import { type BackwardCall, type Call, defineOperators, floatAttribute, intAttribute } from "../node.ts";
import { sameShape } from "../shape.ts";
import { apply, type Tensor } from "../tensor.ts";
import { customGradient } from "../transforms.ts";
import { commonDtype, firstFloat } from "./rules.ts";

/** Per-channel statistics [C] of a batch. The variance is the mean square deviation (divided by n, not n - 1). */
export interface BatchStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Each channel of x [N, C, ...] normalised by statistics from elsewhere (in training: running ones). All others are [C]. */
export function batchNorm(
  x: Tensor,
  scale: Tensor,
  bias: Tensor,
  options: BatchStatistics & { readonly epsilon?: number },
): Tensor;
/** Each channel of x [N, C, ...] normalised by the statistics of this batch, which are returned beside the result. */
export function batchNorm(
  x: Tensor,
  scale: Tensor,
  bias: Tensor,
  options: { readonly training: true; readonly epsilon?: number },
): { readonly y: Tensor } & BatchStatistics;
export function batchNorm(
  x: Tensor,
  scale: Tensor,
  bias: Tensor,
  options: (BatchStatistics | { readonly training: true }) & { readonly epsilon?: number },
): Tensor | ({ readonly y: Tensor } & BatchStatistics) {
  const { epsilon = 1e-5 } = options;
  if ("mean" in options) {
    const inputs = [x, scale, bias, options.mean, options.variance];
    return apply("BatchNormalization", inputs, { epsilon: { float: epsilon } });
  }
  checkPerChannel("batchNorm", x, { scale, bias });
  const y = customGradient(
    (...inputs: [Tensor, Tensor, Tensor]) => normalisedBatch(...inputs, epsilon),
    (dy, _, input, factor) => batchGradient(input, factor, dy, epsilon),
  )(x, scale, bias);
  return { y, ...batchStatistics(x) };
}

/** All axes but that of the channels. */
const acrossBatch = (x: Tensor) => x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));

/** A tensor [C] beside x [N, C, ...]. */
export function perChannel(t: Tensor, x: Tensor): Tensor {
  return t.reshape([t.size, ...new Array<number>(x.rank - 2).fill(1)]);
}

/** Throws where a tensor of these has not one element for each channel of x. */
export function checkPerChannel(
  who: string,
  x: Tensor,
  given: Readonly<Record<string, Tensor | undefined>>,
): void {
  for (const [name, t] of Object.entries(given)) {
    if (t === undefined || sameShape(t.shape, [x.shape[1]!])) continue;
    fail(who, [x, t], `${name} must have the shape [${x.shape[1]}]: one element for each channel of x`);
  }
}

export function batchStatistics(x: Tensor): BatchStatistics {
  const axes = acrossBatch(x);
  const mean = x.mean(axes);
  const centred = x.sub(perChannel(mean, x));
  return { mean, variance: centred.mul(centred).mean(axes) };
}

export function normalisedBatch(x: Tensor, scale: Tensor, bias: Tensor, epsilon: number): Tensor {
  const { mean, variance } = batchStatistics(x);
  const factor = scale.div(variance.add(epsilon).sqrt());
  return x.sub(perChannel(mean, x)).mul(perChannel(factor, x)).add(perChannel(bias, x));
}

/** The gradient with respect to x, scale and bias, by the statistics that the forward pass has already. */
function batchGradient(x: Tensor, scale: Tensor, dy: Tensor, epsilon: number): Tensor[] {
  const axes = acrossBatch(x);
  const n = x.size / x.shape[1]!;
  const { mean, variance } = batchStatistics(x);
  const deviation = variance.add(epsilon).sqrt();
  const centred = x.sub(perChannel(mean, x));
  const total = dy.sum(axes);
  const along = dy.mul(centred).sum(axes).div(deviation);
  const drift = centred.mul(perChannel(along.div(deviation).div(n), x));
  const dx = dy
    .sub(perChannel(total.div(n), x))
    .sub(drift)
    .mul(perChannel(scale.div(deviation), x));
  return [dx, along, total];
}

export function epsilonOf({ attributes }: Pick<Call, "attributes">): number {
  return floatAttribute(attributes, "epsilon", 1e-5);
}

function isTraining({ attributes }: Pick<Call, "attributes">): boolean {
  return intAttribute(attributes, "training_mode", 0) === 1;
}

/** By the statistics given: x, scale, bias, mean, variance. */
function inferenceGradient(call: BackwardCall): Tensor[] {
  const [x, scale, , mean, variance] = call.x;
  const axes = acrossBatch(x!);
  const deviation = variance!.add(epsilonOf(call)).sqrt();
  const factor = scale!.div(deviation);
  const total = call.dy.sum(axes);
  const along = call.dy
    .mul(x!.sub(perChannel(mean!, x!)))
    .sum(axes)
    .div(deviation);
  const dVariance = along.mul(factor).div(deviation).mul(-0.5);
  return [call.dy.mul(perChannel(factor, x!)), along, total, factor.mul(total).neg(), dVariance];
}

/** By the statistics of the batch; these mix with the given mean and variance to the second and third output. */
function trainingGradient(call: BackwardCall): (Tensor | undefined)[] {
  const [x, scale] = call.x;
  const [dy, dMean, dVariance] = call.dys;
  const kept = floatAttribute(call.attributes, "momentum", 0.9);
  const n = x!.size / x!.shape[1]!;
  const [dx, dScale, dBias] = dy === undefined ? [] : batchGradient(x!, scale!, dy, epsilonOf(call));
  const centred = x!.sub(perChannel(batchStatistics(x!).mean, x!));
  const terms = [
    dx,
    dMean && perChannel(dMean.mul((1 - kept) / n), x!).expand(x!.shape),
    dVariance && centred.mul(perChannel(dVariance.mul((2 * (1 - kept)) / n), x!)),
  ].filter((t) => t !== undefined);
  return [terms.reduce((a, b) => a.add(b)), dScale, dBias, dMean?.mul(kept), dVariance?.mul(kept)];
}

defineOperators({
  BatchNormalization: {
    type: (call) => {
      const [x, ...rest] = call.x;
      const { shape, dtype } = firstFloat(call);
      const odd = rest.find((t) => !sameShape(t.shape, [shape[1]!]));
      if (odd !== undefined) {
        throw new RangeError(
          `scale, bias, mean and variance must have the shape [${shape[1]}], one for each channel`,
        );
      }
      commonDtype([x!, ...rest.slice(0, 2)]);
      const statistics = { shape: [shape[1]!], dtype: rest[2]!.dtype };
      return [{ shape, dtype }, statistics, statistics].slice(0, call.outputs);
    },
    gradient: (call) => (isTraining(call) ? trainingGradient(call) : inferenceGradient(call)),
  },
});
