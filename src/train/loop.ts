import type { NDArray } from "../tensor/ndarray.ts";
import { copies } from "./arrays.ts";
import { DivergenceError, firstNotFinite } from "./finite.ts";
import { addBatch, addEntry, newJournal } from "./journal.ts";
import { Keeper, type Progress } from "./keeper.ts";
import { type Outcome, recordOf } from "./logger.ts";
import type { FitResult } from "./options.ts";
import type { Plan } from "./plan.ts";
import { Trainer } from "./trainer.ts";

/** Other work of the page or process waits no longer than this, and one batch. */
const YIELD_MS = 200;

export class Loop<P> {
  private readonly trainer: Trainer<P>;
  private readonly keeper: Keeper<P>;
  private progress: Progress = { journal: newJournal(), best: {} };
  private yielded = performance.now();

  private constructor(private readonly plan: Plan<P>) {
    this.trainer = new Trainer(plan.params, plan.loss, plan.optimizer, plan, {
      device: plan.device,
      threads: plan.threads,
    });
    this.keeper = new Keeper(plan, this.trainer);
  }

  /** A whole training, from the beginning or from where the checkpoint in the store is. */
  static async run<P>(plan: Plan<P>): Promise<FitResult<P>> {
    const loop = new Loop(plan);
    let outcome: Outcome = "failed";
    try {
      const result = await loop.run();
      outcome = result.stopped;
      return result;
    } finally {
      await loop.trainer.dispose();
      const closing = plan.logger.close(outcome);
      // An error that ended the training is the one to be told.
      await (outcome === "failed" ? Promise.resolve(closing).catch(() => {}) : closing);
    }
  }

  private async run(): Promise<FitResult<P>> {
    const { plan } = this;
    this.progress = await this.keeper.open();
    const { journal } = this.progress;
    await plan.logger.start(journal.step, journal.history.map(recordOf));
    if (journal.stopped === "early") return this.result("early");
    while (journal.step < plan.total) {
      if (plan.signal?.aborted) return await this.abort();
      if (!(await this.takeBatch())) continue;
      if (journal.step % plan.evalEvery === 0 && (await this.evaluate())) return await this.finish("early");
      if (journal.step < plan.total) await this.keeper.saveIfDue(this.progress);
    }
    if (journal.lossCount > 0 && (await this.evaluate())) return await this.finish("early");
    return await this.finish("done");
  }

  /** True where this batch completes a step. */
  private async takeBatch(): Promise<boolean> {
    const { keeper, plan, trainer } = this;
    const { journal } = this.progress;
    const position = keeper.position(journal);
    const key = plan.keyOf(position);
    const batch = await plan.batchOf(position, key);
    const completes = (position + 1) % plan.accumulate === 0;
    const value = await trainer[completes ? "step" : "gather"](batch, key, journal.step);
    if (!Number.isFinite(value.loss))
      throw await this.diverged(`the loss is ${value.loss}`, value.loss, batch, key, journal.step);
    const mean = addBatch(journal, value, plan.accumulate);
    if (mean !== undefined) this.report(mean.loss, mean.parts);
    if (mean !== undefined && this.mustBeFinite() && firstNotFinite(trainer.weights) !== undefined)
      throw await this.diverged(`the loss was still ${mean.loss}`, mean.loss, batch, key, journal.step - 1);
    if (performance.now() - this.yielded >= YIELD_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      this.yielded = performance.now();
    }
    return completes;
  }

  private report(loss: number, parts: Readonly<Record<string, number>>): void {
    const { step, history } = this.progress.journal;
    const metrics = history.at(-1)?.metrics ?? {};
    const some = Object.keys(parts).length === 0 ? {} : { parts };
    this.plan.onStep?.({ step, total: this.plan.total, loss, ...some, metrics });
  }

  /** Weights that are about to be evaluated, saved or returned are looked at; otherwise the loss will tell. */
  private mustBeFinite(): boolean {
    const { plan } = this;
    const { step } = this.progress.journal;
    return step === plan.total || step % plan.evalEvery === 0 || step % plan.checkpointEvery === 0;
  }

  /** Close an entry of the history. True where the training should stop. */
  private async evaluate(): Promise<boolean> {
    const { plan, trainer } = this;
    const { journal } = this.progress;
    const weights = plan.evaluated === "ema" ? trainer.averaged : trainer.changing;
    const metrics = (await plan.evaluate?.(trainer.current(weights))) ?? {};
    const { isBest, stop } = addEntry(journal, metrics, plan);
    if (isBest) this.progress.best = copies(weights);
    const entry = journal.history.at(-1)!;
    const { step, values } = recordOf(entry);
    await this.keeper.writing(() => plan.logger.log(step, values));
    plan.onEvaluate?.(entry);
    return stop;
  }

  private async finish(stopped: "done" | "early"): Promise<FitResult<P>> {
    const { journal } = this.progress;
    if (!this.keeper.isSaved(journal) || journal.stopped !== stopped) {
      journal.stopped = stopped;
      await this.keeper.save(this.progress);
    }
    return this.result(stopped);
  }

  private async abort(): Promise<FitResult<P>> {
    const { keeper, progress, trainer } = this;
    const bad = firstNotFinite([trainer.weights, trainer.sums]) !== undefined;
    if (!bad && keeper.position(progress.journal) > 0 && !keeper.isSaved(progress.journal))
      await keeper.save(progress);
    return this.result("aborted");
  }

  private result(stopped: FitResult<P>["stopped"]): FitResult<P> {
    const { plan, trainer } = this;
    const { history, step, best } = this.progress.journal;
    return {
      params: trainer.current(best === undefined ? undefined : this.progress.best),
      history,
      steps: step,
      stopped,
      ...(best === undefined ? {} : { best }),
      ...(plan.ema === undefined ? {} : { ema: trainer.current(trainer.averaged) }),
    };
  }

  private async diverged(what: string, loss: number, batch: unknown, key: NDArray, before: number) {
    const cause = await this.trainer.diagnose(batch, key, before);
    return new DivergenceError(
      `fit: at step ${before + 1} ${what} and ${cause}: try a smaller learning rate or optim.clipByGlobalNorm, look for log(0), 0/0 and sqrt(0) in the loss and for bad values in the data${this.keeper.kept()}`,
      before + 1,
      loss,
    );
  }
}
