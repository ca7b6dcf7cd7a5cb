import type { HistoryEntry } from "./journal.ts";

/** Numbers by name: `loss`, `loss/<part>` and `eval/<metric>`. */
export type LogValues = Readonly<Record<string, number>>;

export interface LogRecord {
  readonly step: number;
  readonly values: LogValues;
}

/** How a training ended; "failed": by an error. */
export type Outcome = "done" | "early" | "aborted" | "failed";

/**
 * Where `fit` writes what it measures, a record for each entry of the history. An error that it throws ends the training; one that
 * is no reason for that is its own to deal with.
 */
export interface Logger {
  /**
   * Called first. The training goes on after so many steps, 0 where it is new, and these records came before. What an earlier process
   * logged of later steps will come again.
   */
  start?(step: number, past: readonly LogRecord[]): void | Promise<void>;
  log(step: number, values: LogValues): void | Promise<void>;
  /** Called before a checkpoint is written: what was logged will not come again. */
  flush?(): void | Promise<void>;
  close(outcome: Outcome): void | Promise<void>;
}

/** Several loggers as one. */
export function loggers(list: readonly Logger[]): Required<Logger> {
  const each = async (call: (logger: Logger) => void | Promise<void>) => {
    for (const logger of list) await call(logger);
  };
  return {
    start: (step, past) => each((l) => l.start?.(step, past)),
    log: (step, values) => each((l) => l.log(step, values)),
    flush: () => each((l) => l.flush?.()),
    close: async (outcome) => {
      const closing = await Promise.allSettled(list.map(async (l) => l.close(outcome)));
      const failed = closing.find((c) => c.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    },
  };
}

export function recordOf({ step, loss, parts = {}, metrics }: HistoryEntry): LogRecord {
  const named = (prefix: string, values: LogValues) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));
  return { step, values: { loss, ...named("loss", parts), ...named("eval", metrics) } };
}
