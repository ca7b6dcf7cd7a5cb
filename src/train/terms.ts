import type { Schedule } from "../optim/schedules.ts";
import { Tensor } from "../tensor/tensor.ts";

/** A part of a loss: a scalar, and its weight in the sum, default 1. A schedule is a function of the step, as for learning rates. */
export type LossTerm = Tensor | { readonly loss: Tensor; readonly weight?: number | Schedule | undefined };

/**
 * What a loss may return: one scalar, or several by name. Then their weighted sum is trained, and each is logged, without its weight:
 *
 * ```ts
 * loss: (p, batch) => ({
 *   data: nn.losses.mse(model.apply(p, batch.x), batch.y),
 *   physics: { loss: residual(p, batch.x).square().mean(), weight: 0.1 },
 * }),
 * ```
 */
export type Loss = Tensor | Readonly<Record<string, LossTerm>>;

/** The scalar to train, and the parts by name; none where the loss is one. `step` is a float64 scalar, 0 at the first. */
export function sumOfTerms(loss: Loss, step: Tensor): { loss: Tensor; parts: Record<string, Tensor> } {
  if (loss instanceof Tensor) return { loss, parts: {} };
  const terms = Object.entries(loss).map(([name, term]) => {
    const { loss: part, weight = 1 } = term instanceof Tensor ? { loss: term } : term;
    if (part.size !== 1)
      throw new RangeError(
        `fit: the part "${name}" of the loss has the shape [${part.shape}]: reduce it to a scalar by mean() or sum()`,
      );
    return { name, part, weighted: timesWeight(name, part, weight, step) };
  });
  if (terms.length === 0)
    throw new RangeError("fit: the loss returned no parts: return a scalar, or at least one part by name");
  return {
    loss: terms.map((t) => t.weighted).reduce((sum, part) => sum.add(part)),
    parts: Object.fromEntries(terms.map((t) => [t.name, t.part])),
  };
}

function timesWeight(name: string, part: Tensor, weight: number | Schedule, step: Tensor): Tensor {
  if (typeof weight === "function") return part.mul(weight(step).cast(part.dtype));
  if (!Number.isFinite(weight))
    throw new RangeError(
      `fit: the weight of the part "${name}" is ${weight}: use a finite number, or a schedule`,
    );
  return weight === 1 ? part : part.mul(weight);
}
