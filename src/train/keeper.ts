import type { Arrays } from "./arrays.ts";
import { checkSameTraining, decodeCheckpoint, encodeCheckpoint, type Settings } from "./checkpoint.ts";
import { graphFingerprint } from "./fingerprint.ts";
import type { Journal } from "./journal.ts";
import { newJournal } from "./journal.ts";
import type { Plan } from "./plan.ts";
import type { Trainer } from "./trainer.ts";

/** What a training has come to, beside what its trainer holds. */
export interface Progress {
  readonly journal: Journal;
  /** The best weights, by path. */
  best: Arrays;
}

/** Writes the checkpoints of a training, and takes it up again from one. */
export class Keeper<P> {
  private settings: Settings;
  /** The batches seen by the checkpoint in the store, and when it was written. */
  private saved: number | undefined;
  private savedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly plan: Plan<P>,
    private readonly trainer: Trainer<P>,
  ) {
    this.settings = plan.settings;
  }

  /** Where the checkpoint in the store is, or the beginning. */
  async open(): Promise<Progress> {
    const { plan, trainer } = this;
    const bytes = await plan.checkpoint?.read();
    const found = bytes && decodeCheckpoint(bytes);
    if (plan.checkpoint !== undefined) {
      // Any step of the training will do: all have the same graph.
      const batch = Math.min(found?.journal.step ?? 0, plan.total - 1) * plan.accumulate;
      const key = plan.keyOf(batch);
      const graph = graphFingerprint(trainer.graph(await plan.batchOf(batch, key), key));
      this.settings = { ...plan.settings, graph };
    }
    if (found === undefined) return { journal: newJournal(), best: {} };
    const { journal, arrays } = found;
    if (journal.step > plan.total) throw new RangeError(tooFar(journal.step, plan.total));
    const { params, state } = trainer.snapshot();
    checkSameTraining(found, this.settings, { params, state, fixed: trainer.constant });
    trainer.restore(arrays);
    this.saved = this.position(journal);
    if (journal.stopped === "done" && journal.step < plan.total) delete journal.stopped;
    return { journal, best: arrays.best };
  }

  /** Write a checkpoint where one is due: after so many steps, and so much time since the last one. */
  async saveIfDue(progress: Progress): Promise<void> {
    const { checkpointEvery, checkpointSeconds } = this.plan;
    if (progress.journal.step % checkpointEvery !== 0) return;
    if (performance.now() - this.savedAt < 1000 * checkpointSeconds) return;
    await this.save(progress);
  }

  async save({ journal, best }: Progress): Promise<void> {
    const { plan, trainer } = this;
    if (plan.checkpoint === undefined) return;
    const { sum, ...rest } = trainer.snapshot();
    const arrays = { ...rest, best, sum: journal.pending === undefined ? {} : sum };
    const bytes = encodeCheckpoint({ settings: this.settings, journal, arrays });
    await this.writing(async () => {
      await plan.logger.flush();
      await plan.checkpoint?.write(bytes);
    });
    this.saved = this.position(journal);
    this.savedAt = performance.now();
    plan.onCheckpoint?.({ step: journal.step });
  }

  /** Write what may fail, as on a full disk: then the error's line says which checkpoint is left. */
  async writing(write: () => void | Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message}${this.kept()}`, { cause: error });
    }
  }

  isSaved(journal: Journal): boolean {
    return this.saved === this.position(journal);
  }

  /** The end of an error's line. */
  kept(): string {
    if (this.plan.checkpoint === undefined) return "";
    if (this.saved === undefined) return "; no checkpoint was written";
    return `; the checkpoint of step ${Math.floor(this.saved / this.plan.accumulate)} is kept`;
  }

  /** Batches seen. */
  position({ step, pending }: Journal): number {
    return step * this.plan.accumulate + (pending?.count ?? 0);
  }
}

function tooFar(step: number, total: number): string {
  return `fit: the checkpoint is at step ${step}, past the ${total} asked for: ask for at least ${step}, or remove it to start anew`;
}
