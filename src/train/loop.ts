import type { Optimizer, State } from "../optim/optimizer.ts";
import type { RunOptions } from "../runtime/session.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import * as tree from "../tensor/tree.ts";
import {
  type CheckpointStore,
  checkSameTraining,
  decodeCheckpoint,
  encodeCheckpoint,
  type Settings,
} from "./checkpoint.ts";
import { graphFingerprint } from "./fingerprint.ts";
import { DivergenceError, firstNotFinite } from "./finite.ts";
import { addEntry, addLoss, type Journal, type MonitorOptions, newJournal } from "./journal.ts";
import type { FitOptions, FitResult } from "./options.ts";
import { type Arrays, type BatchLoss, copies, Trainer } from "./trainer.ts";

/** A training with every option decided. */
export interface Plan<P>
  extends RunOptions,
    MonitorOptions,
    Pick<FitOptions<P, never>, "evaluate" | "signal" | "onStep" | "onEvaluate" | "onCheckpoint"> {
  readonly params: P;
  readonly loss: BatchLoss;
  readonly optimizer: Optimizer;
  readonly batchOf: (step: number, key: NDArray) => unknown;
  readonly keyOf: (step: number) => NDArray;
  readonly total: number;
  readonly evalEvery: number;
  readonly checkpoint?: CheckpointStore | undefined;
  readonly checkpointEvery: number;
  /** What a checkpoint must agree in. The number of steps is not part of it: a training may be prolonged. */
  readonly settings: Settings;
}

/** Other work of the page or process waits no longer than this, and one step. */
const YIELD_MS = 200;

export class Loop<P> {
  private readonly trainer: Trainer<P>;
  private journal: Journal = newJournal();
  private best: Arrays = {};
  private settings: Settings;
  /** The step of the checkpoint in the store. */
  private saved: number | undefined;
  private yielded = performance.now();

  private constructor(private readonly plan: Plan<P>) {
    this.trainer = new Trainer(plan.params, plan.loss, plan.optimizer, plan);
    this.settings = plan.settings;
  }

  /** At the beginning, or where the checkpoint in the store is. */
  static async start<P>(plan: Plan<P>): Promise<Loop<P>> {
    const loop = new Loop(plan);
    try {
      if (plan.checkpoint !== undefined) await loop.resume(plan.checkpoint);
      return loop;
    } catch (error) {
      await loop.dispose();
      throw error;
    }
  }

  async run(): Promise<FitResult<P>> {
    const { journal, plan } = this;
    if (journal.stopped === "early") return this.result("early");
    while (journal.step < plan.total) {
      if (plan.signal?.aborted) return await this.abort();
      await this.step();
      if (journal.step % plan.evalEvery === 0 && (await this.evaluate())) return await this.finish("early");
      if (journal.step % plan.checkpointEvery === 0 && journal.step < plan.total) await this.save();
    }
    if (journal.lossCount > 0 && (await this.evaluate())) return await this.finish("early");
    return await this.finish("done");
  }

  async dispose(): Promise<void> {
    await this.trainer.dispose();
  }

  private async step(): Promise<void> {
    const { journal, plan } = this;
    const key = plan.keyOf(journal.step);
    const batch = await plan.batchOf(journal.step, key);
    const loss = await this.trainer.step(batch, key);
    addLoss(journal, loss);
    if (!Number.isFinite(loss)) throw await this.diverged(`the loss is ${loss}`, loss, batch, key);
    const { step, history } = journal;
    plan.onStep?.({ step, total: plan.total, loss, metrics: history.at(-1)?.metrics ?? {} });
    if (this.mustBeFinite() && firstNotFinite(this.trainer.weights) !== undefined)
      throw await this.diverged(`the loss was still ${loss}`, loss, batch, key);
    if (performance.now() - this.yielded < YIELD_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.yielded = performance.now();
  }

  /** Weights that are about to be evaluated, saved or returned are looked at; otherwise the loss will tell. */
  private mustBeFinite(): boolean {
    const { journal, plan } = this;
    const due = (every: number) => journal.step % every === 0;
    return journal.step === plan.total || due(plan.evalEvery) || due(plan.checkpointEvery);
  }

  /** Close an entry of the history. True where the training should stop. */
  private async evaluate(): Promise<boolean> {
    const { journal, plan, trainer } = this;
    const metrics = (await plan.evaluate?.(trainer.current())) ?? {};
    const { isBest, stop } = addEntry(journal, metrics, plan);
    if (isBest) this.best = copies(trainer.changing);
    plan.onEvaluate?.(journal.history.at(-1)!);
    return stop;
  }

  private async finish(stopped: "done" | "early"): Promise<FitResult<P>> {
    if (this.saved !== this.journal.step || this.journal.stopped !== stopped) {
      this.journal.stopped = stopped;
      await this.save();
    }
    return this.result(stopped);
  }

  private async abort(): Promise<FitResult<P>> {
    const bad = firstNotFinite(this.trainer.weights) !== undefined;
    if (!bad && this.journal.step > 0 && this.saved !== this.journal.step) await this.save();
    return this.result("aborted");
  }

  private result(stopped: FitResult<P>["stopped"]): FitResult<P> {
    const { history, step, best } = this.journal;
    const params = this.trainer.current(best === undefined ? undefined : this.best);
    return { params, history, steps: step, stopped, ...(best === undefined ? {} : { best }) };
  }

  private async save(): Promise<void> {
    const { plan, trainer, journal } = this;
    if (plan.checkpoint === undefined) return;
    const bytes = encodeCheckpoint({
      settings: this.settings,
      journal,
      arrays: {
        params: { ...trainer.fixed, ...trainer.weights },
        state: recordOf(trainer.state),
        best: this.best,
      },
    });
    await plan.checkpoint.write(bytes);
    this.saved = journal.step;
    plan.onCheckpoint?.({ step: journal.step });
  }

  private async resume(store: CheckpointStore): Promise<void> {
    const { plan, trainer } = this;
    const bytes = await store.read();
    const found = bytes && decodeCheckpoint(bytes);
    // Any step of the training will do: all have the same graph.
    const step = Math.min(found?.journal.step ?? 0, plan.total - 1);
    const key = plan.keyOf(step);
    const graph = graphFingerprint(trainer.graph(await plan.batchOf(step, key), key));
    this.settings = { ...plan.settings, graph };
    if (found === undefined) return;
    if (found.journal.step > plan.total) throw new RangeError(tooFar(found.journal.step, plan.total));
    const params = { ...trainer.fixed, ...trainer.weights };
    const state = recordOf(trainer.state);
    checkSameTraining(found, this.settings, { params, state, fixed: trainer.constant });
    const restored = (from: Arrays, like: Arrays): Arrays =>
      Object.fromEntries(Object.keys(like).map((path) => [path, from[path]!]));
    trainer.weights = restored(found.arrays.params, trainer.weights);
    trainer.fixed = restored(found.arrays.params, trainer.fixed);
    trainer.state = tree.fromRecord(trainer.state as unknown, found.arrays.state) as unknown as State;
    this.best = found.arrays.best;
    this.journal = found.journal;
    this.saved = found.journal.step;
    if (this.journal.stopped === "done" && this.journal.step < plan.total) delete this.journal.stopped;
  }

  private async diverged(what: string, loss: number, batch: unknown, key: NDArray): Promise<DivergenceError> {
    const step = this.journal.step;
    const cause = await this.trainer.diagnose(batch, key);
    const kept =
      this.plan.checkpoint === undefined
        ? ""
        : `; ${this.saved === undefined ? "no checkpoint was written" : `the checkpoint of step ${this.saved} is kept`}`;
    return new DivergenceError(
      `fit: at step ${step} ${what} and ${cause}: try a smaller learning rate or optim.clipByGlobalNorm, look for log(0), 0/0 and sqrt(0) in the loss and for bad values in the data${kept}`,
      step,
      loss,
    );
  }
}

function tooFar(step: number, total: number): string {
  return `fit: the checkpoint is at step ${step}, past the ${total} asked for: ask for at least ${step}, or remove it to start anew`;
}

function recordOf(state: State): Arrays {
  return tree.toRecord(state as unknown) as Arrays;
}
