import type { Logger, LogRecord, Outcome } from "./logger.ts";
import { type MlflowCall, mlflowClient } from "./mlflow-client.ts";

export interface MlflowOptions {
  /** Of the server. Default: the environment variable MLFLOW_TRACKING_URI. */
  readonly uri?: string | undefined;
  /** The experiment, made where there is none. Default: MLFLOW_EXPERIMENT_NAME, else "Default". */
  readonly experiment?: string | undefined;
  /** A name for the run. Default: the server's choice. */
  readonly run?: string | undefined;
  /** Go on with this run, in place of a new one. Default: MLFLOW_RUN_ID. */
  readonly runId?: string | undefined;
  /** Hyperparameters, to be shown with the run. */
  readonly params?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Takes the one line that says that the server does not answer. Default `console.warn`. */
  readonly warn?: ((line: string) => void) | undefined;
}

interface Metric {
  readonly key: string;
  /** JSON has no NaN and infinities: these are texts. */
  readonly value: number | string;
  readonly timestamp: number;
  readonly step: number;
}

/** Limits of the interface: metrics and params in a batch. */
const METRICS = 1000;
const PARAMS = 100;
const INTERVAL_MS = 5000;

const statuses: Readonly<Record<Outcome, string>> = {
  done: "FINISHED",
  early: "FINISHED",
  aborted: "KILLED",
  failed: "FAILED",
};

/**
 * Records as metrics of a run on an MLflow server, sent in batches every five seconds while the training goes on. Undefined where no
 * server is named: `fit` leaves that out.
 *
 * A server that is down is told of once and never stops the training; what it missed is sent when it answers again. A resumed
 * training makes a new run with all records since its beginning, or goes on with the run named by `runId`, from the step which that has
 * come to. MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, are used where they are set.
 *
 * ```ts
 * await fit({ ..., log: [mlflow({ experiment: "digits", params: { learningRate: 1e-3 } })] });
 * ```
 */
export function mlflow(options: MlflowOptions = {}): Logger | undefined {
  const env: Readonly<Record<string, string | undefined>> = typeof process === "undefined" ? {} : process.env;
  const uri = options.uri ?? env.MLFLOW_TRACKING_URI;
  if (uri === undefined || uri === "") return undefined;
  if (!/^https?:\/\//.test(uri))
    throw new RangeError(
      `mlflow: the tracking URI is "${uri}": use the http:// or https:// address of a server`,
    );
  return new MlflowLogger(mlflowClient(uri, env), uri, {
    ...options,
    experiment: options.experiment ?? env.MLFLOW_EXPERIMENT_NAME ?? "Default",
    runId: options.runId ?? env.MLFLOW_RUN_ID,
  });
}

class MlflowLogger implements Logger {
  private runId: string | undefined;
  /** Records up to this step are on the server from before. */
  private known = 0;
  private queue: Metric[] = [];
  private sending: Promise<void> | undefined;
  private sent = performance.now();
  /** Whether the last attempt failed. */
  private down = false;
  private warned = false;

  constructor(
    private readonly call: MlflowCall,
    private readonly uri: string,
    private readonly options: MlflowOptions & { readonly experiment: string },
  ) {}

  start(_step: number, past: readonly LogRecord[]): void {
    for (const { step, values } of past) this.enqueue(step, values);
    this.send();
  }

  log(step: number, values: LogRecord["values"]): void {
    this.enqueue(step, values);
    const full = this.queue.length >= METRICS && !this.down;
    if (full || performance.now() - this.sent >= INTERVAL_MS) this.send();
  }

  async close(outcome: Outcome): Promise<void> {
    await this.sending;
    await this.attempt(async () => {
      await this.deliver();
      await this.call("runs/update", {
        run_id: this.runId,
        status: statuses[outcome],
        end_time: Date.now(),
      });
    });
  }

  private enqueue(step: number, values: LogRecord["values"]): void {
    const timestamp = Date.now();
    for (const [key, value] of Object.entries(values))
      this.queue.push({ key, value: Number.isFinite(value) ? value : String(value), timestamp, step });
  }

  /** In the background, one at a time. */
  private send(): void {
    this.sending ??= this.attempt(() => this.deliver()).finally(() => {
      this.sending = undefined;
      this.sent = performance.now();
    });
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.down = false;
    } catch (error) {
      this.down = true;
      if (this.warned) return;
      this.warned = true;
      const { warn = console.warn } = this.options;
      const reason = error instanceof Error ? error.message : String(error);
      warn(`mlflow: ${this.uri}: ${reason}; the training goes on, and what is not sent will be tried again`);
    }
  }

  private async deliver(): Promise<void> {
    if (this.runId === undefined) this.runId = await this.openRun();
    this.queue = this.queue.filter((m) => m.step > this.known);
    // What is logged meanwhile waits for the next time.
    for (let left = this.queue.length; left > 0; ) {
      const metrics = this.queue.slice(0, Math.min(left, METRICS));
      await this.call("runs/log-batch", { run_id: this.runId, metrics });
      this.queue = this.queue.slice(metrics.length);
      left -= metrics.length;
    }
  }

  private async openRun(): Promise<string> {
    const { runId } = this.options;
    if (runId !== undefined) {
      const { run } = await this.call("runs/get", undefined, { run_id: runId });
      this.known = Math.max(0, ...(run.data?.metrics ?? []).map((m) => Number(m.step ?? 0)));
      await this.call("runs/update", { run_id: runId, status: "RUNNING" });
      return runId;
    }
    const { run } = await this.call("runs/create", {
      experiment_id: await this.experimentId(),
      start_time: Date.now(),
      ...(this.options.run === undefined ? {} : { run_name: this.options.run }),
    });
    const id = run.info.run_id;
    const params = Object.entries(this.options.params ?? {}).map(([key, value]) => ({
      key,
      value: String(value),
    }));
    for (let at = 0; at < params.length; at += PARAMS)
      await this.call("runs/log-batch", { run_id: id, params: params.slice(at, at + PARAMS) });
    return id;
  }

  private async experimentId(): Promise<string> {
    const name = this.options.experiment;
    try {
      const found = await this.call("experiments/get-by-name", undefined, { experiment_name: name });
      return found.experiment.experiment_id;
    } catch (error) {
      if ((error as { code?: string }).code !== "RESOURCE_DOES_NOT_EXIST") throw error;
      return (await this.call("experiments/create", { name })).experiment_id;
    }
  }
}
