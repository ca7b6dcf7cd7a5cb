import * as losses from "../../nn/losses.ts";
import { adam } from "../../optim/adam.ts";
import type { Device } from "../../runtime/backend.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Traced } from "../../tensor/tree.ts";
import type { CheckpointStore } from "../../train/checkpoint.ts";
import { fit } from "../../train/fit.ts";
import type { StepEvent } from "../../train/options.ts";
import { predictor } from "../../train/predict.ts";
import type { OperatorModel } from "./deeponet.ts";
import type { Triples } from "./triples.ts";

/** An operator model as far as training needs it: DeepONets and nets on the concatenated input. */
export type RowModel<P> = Pick<OperatorModel<P>, "init" | "apply" | "sensors" | "queryDim">;

export interface FitOperatorOptions {
  readonly steps: number;
  /** Triples a step, drawn with replacement. Default, and where there are not more: all of them. */
  readonly batch?: number | null | undefined;
  /** Of Adam. Default 1e-3. */
  readonly learningRate?: number | undefined;
  /** For first weights and batches. Default `random.key(0)`. */
  readonly key?: NDArray | undefined;
  readonly device?: Device | undefined;
  /** Default 1: at these sizes a second thread costs more than it brings. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly checkpoint?: CheckpointStore | undefined;
  readonly onStep?: ((event: StepEvent) => void) | undefined;
  readonly onRecord?: ((record: { step: number; loss: number }) => void) | undefined;
}

/** How often in a training the loss is recorded and the weights are compared with the best ones. */
const RECORDS = 40;

/**
 * Train an operator model on triples by the mean squared error and Adam (the paper's section 3 and code), and return the weights
 * with the smallest training loss. The history has the mean loss since the entry before. Throws where the triples do not fit the
 * model or a target is not finite, and the reason of `signal` where it was aborted.
 */
export async function fitOperator<P>(
  net: RowModel<P>,
  triples: Triples,
  o: FitOperatorOptions,
): Promise<{ params: P; history: readonly (readonly [step: number, loss: number])[] }> {
  const { key = random.key(0), batch, learningRate = 1e-3, threads = 1 } = o;
  checkTriples(net, triples);
  const all = batch === null || batch === undefined || batch >= triples.count;
  const [forWeights, forBatches] = random.split(key) as [NDArray, NDArray];
  const result = await fit({
    params: net.init(forWeights),
    data: arraysOf(triples),
    loss: (p: Traced<P>, { u, y, s }) => losses.mse(net.apply(p, u, y), s),
    optimizer: adam({ learningRate }),
    steps: o.steps,
    batch: all ? triples.count : batch,
    sampling: all ? "shuffle" : "replacement",
    evalEvery: Math.max(1, Math.floor(o.steps / RECORDS)),
    keepBest: "train",
    key: forBatches,
    device: o.device,
    threads,
    signal: o.signal,
    checkpoint: o.checkpoint,
    checkpointEvery: Math.max(1, Math.floor(o.steps / 8)),
    onStep: o.onStep,
    onEvaluate: ({ step, loss }) => o.onRecord?.({ step, loss }),
  });
  if (result.stopped === "aborted") throw o.signal!.reason;
  return { params: result.params, history: result.history.map(({ step, loss }) => [step, loss] as const) };
}

/** (G(u)(y) - s)^2 of every triple. */
export async function squaredErrors<P>(
  net: RowModel<P>,
  params: P,
  triples: Triples,
  device?: Device,
): Promise<Float64Array> {
  const { u, y } = arraysOf(triples);
  type Input = { u: Parameters<RowModel<P>["apply"]>[1]; y: Parameters<RowModel<P>["apply"]>[2] };
  const model = { init: net.init, apply: (p: Traced<P>, x: Input) => net.apply(p, x.u, x.y) };
  const predict = predictor<P, Input>(model, { batch: 4096, device });
  const predicted = await predict(params, { u, y } as never);
  await predict.dispose();
  return Float64Array.from(triples.s, (s, i) => (Number(predicted.data[i]) - s) ** 2);
}

function arraysOf({ u, y, s, count, sensors, queryDim }: Triples) {
  return {
    u: new NDArray(u, [count, sensors]),
    y: new NDArray(y, [count, queryDim]),
    s: new NDArray(s, [count, 1]),
  };
}

function checkTriples(net: Pick<RowModel<unknown>, "sensors" | "queryDim">, t: Triples): void {
  if (t.sensors !== net.sensors || t.queryDim !== net.queryDim) {
    throw new RangeError(
      `fitOperator: the triples have ${t.sensors} sensors and queries of ${t.queryDim}, the model takes ${net.sensors} and ${net.queryDim}`,
    );
  }
  const bad = t.s.findIndex((s) => !Number.isFinite(s));
  if (bad >= 0) {
    throw new RangeError(
      `fitOperator: the target of row ${bad} is ${t.s[bad]}: leave out functions whose solution explodes`,
    );
  }
}
