/** What a training has seen so far, beside weights and optimizer state: plain data that a checkpoint holds as JSON. */

import type { BatchValue } from "./trainer.ts";

/** One evaluation. */
export interface HistoryEntry {
  /** Steps made. */
  readonly step: number;
  /** The mean of the training losses since the entry before. */
  readonly loss: number;
  /** The same of the parts of the loss, where it has any. */
  readonly parts?: Readonly<Record<string, number>>;
  /** What `evaluate` returned; empty without it. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Best {
  readonly step: number;
  readonly value: number;
}

export interface Journal {
  /** Steps made. */
  step: number;
  /** The sum and count of losses since the last entry of the history. */
  lossSum: number;
  lossCount: number;
  partSums?: Readonly<Record<string, number>>;
  /** The sums of a step under way, and of how many batches; only where a step has several. */
  pending?: BatchValue & { readonly count: number };
  history: HistoryEntry[];
  /** The best entry so far by `keepBest`. */
  best?: Best;
  /** The best monitored value so far, and the evaluations since. */
  least?: number;
  waited: number;
  stopped?: "done" | "early";
}

export interface EarlyStop {
  /** Stop after this many evaluations without improvement. */
  readonly patience: number;
  /** What counts as improvement is more than this. Default 0. */
  readonly minDelta?: number | undefined;
}

export interface MonitorOptions {
  readonly monitor?: string | undefined;
  readonly goal?: "min" | "max" | undefined;
  readonly earlyStop?: EarlyStop | undefined;
  readonly keepBest?: "train" | "eval" | undefined;
}

export function newJournal(): Journal {
  return { step: 0, lossSum: 0, lossCount: 0, history: [], waited: 0 };
}

/** Count the loss of a batch. Returns the means of its step where that is complete. */
export function addBatch(journal: Journal, value: BatchValue, batches: number): BatchValue | undefined {
  const { count = 0, ...before } = journal.pending ?? {};
  const sum = addValues(before, value);
  if (count + 1 < batches) {
    journal.pending = { ...sum, count: count + 1 };
    return undefined;
  }
  delete journal.pending;
  const mean = { loss: sum.loss / batches, parts: mapValues((part) => part / batches, sum.parts) };
  journal.step++;
  journal.lossSum += mean.loss;
  journal.lossCount++;
  if (Object.keys(mean.parts).length > 0)
    journal.partSums = addValues({ loss: 0, parts: journal.partSums ?? {} }, mean).parts;
  return mean;
}

function addValues(sum: Partial<BatchValue>, { loss, parts }: BatchValue): BatchValue {
  return {
    loss: sum.loss === undefined ? loss : sum.loss + loss,
    parts: mapValues((part, name) => (sum.parts?.[name] ?? 0) + part, parts),
  };
}

function mapValues(
  f: (value: number, name: string) => number,
  values: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, f(value, name)]));
}

/** Close an entry of the history. Returns what follows from it: are these the best weights, is it time to stop? */
export function addEntry(
  journal: Journal,
  metrics: Readonly<Record<string, number>>,
  options: MonitorOptions,
): { readonly isBest: boolean; readonly stop: boolean } {
  const { step, lossSum, lossCount, partSums } = journal;
  const parts = partSums && { parts: mapValues((sum) => sum / lossCount, partSums) };
  const entry = { step, loss: lossSum / lossCount, ...parts, metrics: { ...metrics } };
  journal.history.push(entry);
  journal.lossSum = 0;
  journal.lossCount = 0;
  delete journal.partSums;
  const isBest = options.keepBest !== undefined && updateBest(journal, entry, options);
  const stop = options.earlyStop !== undefined && updatePatience(journal, entry, options);
  return { isBest, stop };
}

function updateBest(journal: Journal, entry: HistoryEntry, options: MonitorOptions): boolean {
  const value = options.keepBest === "train" ? entry.loss : monitored(entry, options);
  const sign = options.keepBest === "eval" && options.goal === "max" ? -1 : 1;
  const isBest = journal.best === undefined ? !Number.isNaN(value) : sign * value < sign * journal.best.value;
  if (isBest) journal.best = { step: entry.step, value };
  return isBest;
}

function updatePatience(journal: Journal, entry: HistoryEntry, options: MonitorOptions): boolean {
  const { patience, minDelta = 0 } = options.earlyStop!;
  const value = monitored(entry, options) * (options.goal === "max" ? -1 : 1);
  const better = journal.least === undefined ? !Number.isNaN(value) : value < journal.least - minDelta;
  if (better) journal.least = value;
  journal.waited = better ? 0 : journal.waited + 1;
  return journal.waited >= patience;
}

/** The value that decides: the metric named by `monitor`, by default the first, without metrics the training loss. */
function monitored(entry: HistoryEntry, { monitor }: MonitorOptions): number {
  const names = Object.keys(entry.metrics);
  const name = monitor ?? names[0];
  if (name === undefined) return entry.loss;
  const value = entry.metrics[name];
  if (value !== undefined) return value;
  throw new RangeError(
    `fit: monitor names "${name}", evaluate returned ${names.length === 0 ? "nothing" : names.join(", ")}`,
  );
}
