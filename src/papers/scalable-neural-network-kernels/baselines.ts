/** What the kernels are compared with. */
import { combine } from "../../nn/combine.ts";
import { applyDense, type DenseParams, dense } from "../../nn/dense.ts";
import { zeros } from "../../nn/initialisers.ts";
import type { Model } from "../../nn/model.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";

export interface BottleneckParams {
  down: DenseParams;
  up: DenseParams;
}

/** The ordinary adapter: x + U relu(D x + b) + c, with U and c 0 at first (Houlsby et al., ICML 2019). */
export function bottleneck(o: { readonly size: number; readonly down: number }): Model<BottleneckParams> {
  const down = dense({ inputs: o.size, outputs: o.down });
  const up = dense({ inputs: o.down, outputs: o.size, kernelInit: zeros });
  return {
    init: (key) => {
      const [a, b] = random.split(key) as [NDArray, NDArray];
      return { down: down.init(a), up: up.init(b) };
    },
    apply: (p, x) => x.add(applyDense(p.up, applyDense(p.down, x).relu())),
  };
}

/** inputs - hidden - outputs with relu, its first kernel a product of two of this rank. */
export function lowRankMlp(o: {
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
  readonly rank: number;
}) {
  return combine(
    {
      first: dense({ inputs: o.inputs, outputs: o.rank, bias: false }),
      second: dense({ inputs: o.rank, outputs: o.hidden }),
      head: dense({ inputs: o.hidden, outputs: o.outputs }),
    },
    (run, x: Tensor) => run.head(run.second(run.first(x)).relu()),
  );
}
