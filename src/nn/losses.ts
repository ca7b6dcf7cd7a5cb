/** Losses: tensors in, by default a scalar out. `reduction` says what becomes of the losses of the parts; default their mean. */

import { where } from "../tensor/operators/elementwise.ts";
import { gatherElements } from "../tensor/operators/indexing.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface LossOptions {
  readonly reduction?: "mean" | "sum" | "none" | undefined;
}

/** Squared error of every element. `nn.losses.mse(model.apply(params, x), y)` */
export function mse(prediction: Tensor, target: Tensor, options?: LossOptions): Tensor {
  return reduce(difference("mse", prediction, target).square(), options);
}

/** Absolute error of every element. `nn.losses.mae(prediction, target)` */
export function mae(prediction: Tensor, target: Tensor, options?: LossOptions): Tensor {
  return reduce(difference("mae", prediction, target).abs(), options);
}

/**
 * Half the squared error up to `delta` (default 1), linear beyond, for every element.
 * `nn.losses.huber(prediction, target, { delta: 0.1 })`
 */
export function huber(
  prediction: Tensor,
  target: Tensor,
  options: LossOptions & { readonly delta?: number | undefined } = {},
): Tensor {
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new RangeError(`huber: delta is ${delta}: use a number above 0`);
  const error = difference("huber", prediction, target);
  const limited = error.clip(-delta, delta);
  return reduce(limited.mul(error.sub(limited.mul(0.5))), options);
}

/**
 * Cross-entropy of the softmax over the last axis, for every row of `logits` [..., classes]. `labels` are classes, int64 [...],
 * or probabilities [..., classes]. Label smoothing s (default 0) replaces probabilities p by (1 - s) p + s / classes.
 *
 * ```ts
 * nn.losses.crossEntropy(model.apply(params, images), labels, { labelSmoothing: 0.1 });
 * ```
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: LossOptions & { readonly labelSmoothing?: number | undefined } = {},
): Tensor {
  const { labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw new RangeError(`crossEntropy: labelSmoothing is ${labelSmoothing}: use 0 up to, not including, 1`);
  const logProbabilities = logits.logSoftmax();
  const own =
    labels.dtype === "int64"
      ? ofClasses(logProbabilities, labels)
      : ofProbabilities(logProbabilities, labels);
  if (labelSmoothing === 0) return reduce(own.neg(), options);
  const smoothed = own.mul(1 - labelSmoothing).add(logProbabilities.mean(-1).mul(labelSmoothing));
  return reduce(smoothed.neg(), options);
}

/**
 * Binary cross-entropy of sigmoid(logits) for every element; targets between 0 and 1, of the dtype of the logits.
 * Formed as softplus(x) - x t, which does not overflow. `nn.losses.binaryCrossEntropy(logits, targets)`
 */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor, options?: LossOptions): Tensor {
  checkSame("binaryCrossEntropy", logits, targets);
  return reduce(logits.softplus().sub(logits.mul(targets)), options);
}

/** max(0, 1 - t s) for every element, with targets -1 and 1. `nn.losses.hinge(scores, targets)` */
export function hinge(scores: Tensor, targets: Tensor, options?: LossOptions): Tensor {
  checkSame("hinge", scores, targets);
  return reduce(scores.mul(targets).neg().add(1).relu(), options);
}

/**
 * KL(target || softmax(logits)) over the last axis, for every row; `target` [..., classes] holds probabilities, 0 allowed.
 * `nn.losses.klDivergence(student, teacher.softmax())`
 */
export function klDivergence(logits: Tensor, target: Tensor, options?: LossOptions): Tensor {
  checkSame("klDivergence", logits, target);
  const logTarget = where(target.greater(0), target, 1).log();
  return reduce(target.mul(logTarget.sub(logits.logSoftmax())).sum(-1), options);
}

/**
 * 1 - cosine of the angle between the vectors along the last axis, for every row. Norms count as at least 1e-8.
 * `nn.losses.cosine(embedding, reference)`
 */
export function cosine(prediction: Tensor, target: Tensor, options?: LossOptions): Tensor {
  checkSame("cosine", prediction, target);
  const norm = (t: Tensor) => t.square().sum(-1).maximum(1e-16).sqrt();
  const dot = prediction.mul(target).sum(-1);
  return reduce(
    dot
      .div(norm(prediction).mul(norm(target)))
      .neg()
      .add(1),
    options,
  );
}

function ofClasses(logProbabilities: Tensor, labels: Tensor): Tensor {
  if (!sameShape(labels.shape, logProbabilities.shape.slice(0, -1)))
    throw new RangeError(
      `crossEntropy: the logits ${showShape(logProbabilities.shape)} take labels ${showShape(logProbabilities.shape.slice(0, -1))}, not ${showShape(labels.shape)}`,
    );
  return gatherElements(logProbabilities, labels.unsqueeze(-1), -1).squeeze(-1);
}

function ofProbabilities(logProbabilities: Tensor, labels: Tensor): Tensor {
  if (labels.dtype !== logProbabilities.dtype)
    throw new RangeError(
      `crossEntropy: the labels are ${labels.dtype}: use int64 classes or ${logProbabilities.dtype} probabilities`,
    );
  checkSame("crossEntropy", logProbabilities, labels);
  return logProbabilities.mul(labels).sum(-1);
}

function difference(loss: string, prediction: Tensor, target: Tensor): Tensor {
  checkSame(loss, prediction, target);
  return prediction.sub(target);
}

/** Broadcasting a loss is nearly always a mistake ([n, 1] against [n] gives [n, n]). */
function checkSame(loss: string, prediction: Tensor, target: Tensor): void {
  if (sameShape(prediction.shape, target.shape)) return;
  throw new RangeError(
    `${loss}: prediction and target have the shapes ${showShape(prediction.shape)} and ${showShape(target.shape)}: make them equal by reshape or expand`,
  );
}

function reduce(parts: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor {
  if (reduction === "none") return parts;
  return reduction === "sum" ? parts.sum() : parts.mean();
}
