import { trainable, withTrainable } from "../../nn/frozen.ts";
import { globalNorm } from "../../optim/gradients.ts";
import { compile } from "../../runtime/compile.ts";
import type { RunOptions } from "../../runtime/session.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { valueAndGrad } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import type { FrozenHyperParams, HyperParams } from "./hyper-params.ts";
import type { Hypernetwork } from "./mip-hypernetworks.ts";

/** What a hypernetwork predicts at one gamma, and what that does to its gradient. */
export interface ScaleRow {
  readonly gamma: number;
  /** |theta(gamma)|: all weights of the model. */
  readonly weightNorm: number;
  /** |h(E(gamma))|: what is added to theta_0. */
  readonly deltaNorm: number;
  readonly loss: number;
  /** |dL / d omega|. */
  readonly gradNorm: number;
}

export interface ScaleReportOptions<P, B> extends RunOptions {
  /** The task's loss for these weights of the model. */
  readonly loss: (weights: tree.Traced<P>, batch: tree.Traced<B>) => Tensor;
  /** The examples to form it on at this gamma. */
  readonly batch: (gamma: number) => B;
}

/**
 * Norms of the predicted weights and of the gradient at some values of gamma (each fills all inputs). In a standard hypernetwork
 * |theta| grows in proportion to gamma; with MIP it does not depend on it.
 */
export async function scaleReport<P, B>(
  hyper: Hypernetwork,
  omega: HyperParams<P> | FrozenHyperParams<P>,
  gammas: readonly number[],
  { loss: lossOf, batch, ...run }: ScaleReportOptions<P, B>,
): Promise<ScaleRow[]> {
  const measure = compile((params: unknown, gamma: Record<string, Tensor>, examples: unknown) => {
    const own = (p: unknown) => p as tree.Traced<HyperParams<P>>;
    const [value, gradient] = valueAndGrad((trained: Record<string, Tensor>) =>
      lossOf(hyper.apply<P>(own(withTrainable(params, trained)) as never, gamma), examples as tree.Traced<B>),
    )(trainable(params) as unknown as Record<string, Tensor>);
    return {
      loss: value,
      gradNorm: globalNorm(gradient),
      weightNorm: globalNorm(hyper.apply<P>(own(params) as never, gamma)),
      deltaNorm: globalNorm(hyper.delta<P>(own(params) as never, gamma)),
    };
  }, run);
  const { dtype } = omega.output.kernel;
  const rows: ScaleRow[] = [];
  for (const gamma of gammas) {
    const inputs = Object.fromEntries(
      Object.entries(hyper.inputs).map(([name, shape]) => [name, NDArray.full(shape, gamma, dtype)]),
    );
    hyper.warnOutside(inputs);
    const out = await measure(omega, inputs, batch(gamma));
    const { loss, gradNorm, weightNorm, deltaNorm } = tree.map((a) => a.item(), out);
    rows.push({ gamma, weightNorm, deltaNorm, loss, gradNorm });
  }
  await measure.dispose();
  return rows;
}
