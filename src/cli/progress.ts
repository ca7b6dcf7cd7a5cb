import type { Progress, ProgressUpdate, RunObserver } from "../experiment/context.ts";
import { formatDuration, formatNumber } from "../experiment/format.ts";
import { cut, harmless, pad, paint, type TextStyle, widthOf } from "../report/text.ts";
import { type Io, styleOf } from "./io.ts";

interface Bar {
  readonly label: string;
  readonly total: number;
  readonly since: number;
  firstStep: number | undefined;
  state: ProgressUpdate;
}

const REDRAW_MS = 100;
const LINE_MS = 10_000;

/**
 * Progress of a run on stderr: on a terminal one line that is redrawn, elsewhere a line now and then. Finished stages leave a
 * line each.
 */
export class ProgressLine implements RunObserver {
  private readonly io: Io;
  private readonly style: TextStyle;
  private readonly live: boolean;
  private readonly now: () => number;
  private planned: readonly string[] = [];
  private stageName = "";
  private stageSince = 0;
  private readonly took: number[] = [];
  private finished = 0;
  private bar: Bar | undefined;
  private drawn = Number.NEGATIVE_INFINITY;
  private dirty = false;

  constructor(io: Io, now: () => number = () => performance.now()) {
    this.io = io;
    this.style = styleOf(io, io.stderr);
    this.live = io.stderr.isTTY;
    this.now = now;
  }

  plan(stages: readonly string[]): void {
    this.planned = stages;
  }

  log(text: string): void {
    this.print(harmless(text));
  }

  stage({ name, state }: { name: string; state: "started" | "finished" | "remembered" }): void {
    if (state === "started") {
      this.stageName = name;
      this.stageSince = this.now();
      if (this.live) this.draw();
      else this.print(`${this.place()}${name}`);
      return;
    }
    const seconds = (this.now() - this.stageSince) / 1000;
    if (state === "finished") this.took.push(seconds);
    const note = state === "finished" ? formatDuration(seconds) : "done before";
    this.bar = undefined;
    this.stageName = name;
    const line = `${this.place()}${pad(name, this.labelWidth())}  ${paint(this.style, "dim", note)}`;
    this.stageName = "";
    this.finished++;
    this.print(`${paint(this.style, "green", "✓")} ${line}`);
  }

  progress({ label, total }: { label: string; total: number }): Progress {
    const bar: Bar = { label, total, since: this.now(), firstStep: undefined, state: { step: 0 } };
    this.bar = bar;
    if (!this.live) this.drawn = this.now();
    return {
      update: (state) => {
        bar.firstStep ??= state.step;
        bar.state = state;
        this.bar = bar;
        const due = this.now() - this.drawn >= (this.live ? REDRAW_MS : LINE_MS);
        if (due) this.draw();
      },
      done: () => {
        if (this.bar === bar) this.bar = undefined;
      },
    };
  }

  /** Leave the line: nothing of it stays on the terminal. */
  clear(): void {
    if (this.dirty) this.io.stderr.write("\r\u001b[2K");
    this.dirty = false;
  }

  private print(text: string): void {
    this.clear();
    this.io.stderr.write(`${text}\n`);
  }

  private draw(): void {
    this.drawn = this.now();
    const room = Math.max(20, this.io.stderr.columns - 1);
    if (!this.live) {
      this.print(this.describe(undefined));
      return;
    }
    const bare = this.describe(undefined);
    const space = Math.min(24, room - widthOf(bare) - 4);
    this.io.stderr.write(`\r\u001b[2K${cut(space >= 8 ? this.describe(space) : bare, room)}`);
    this.dirty = true;
  }

  /** `[3/9] `, where the stages are planned. */
  private place(): string {
    const n = this.planned.length;
    if (n === 0) return "";
    const at = this.planned.indexOf(this.stageName);
    return `[${pad(String((at < 0 ? this.finished : at) + 1), String(n).length, "right")}/${n}] `;
  }

  private labelWidth(): number {
    return Math.min(40, Math.max(0, ...this.planned.map(widthOf)));
  }

  private describe(barWidth: number | undefined): string {
    const { bar } = this;
    if (bar === undefined) return `  ${this.place()}${this.stageName}`;
    const { step, loss, ...others } = bar.state;
    const seconds = (this.now() - bar.since) / 1000;
    const rate = seconds > 0 ? (step - (bar.firstStep ?? 0)) / seconds : 0;
    const left = rate > 0 ? Math.max(0, bar.total - step) / rate : Number.NaN;
    const figures = Object.entries({ loss, ...others }).flatMap(([k, v]) =>
      v === undefined ? [] : [`${k} ${formatNumber(v)}`],
    );
    const parts = [
      ...(barWidth === undefined ? [] : [drawBar(bar.total > 0 ? step / bar.total : 0, barWidth)]),
      `${step}/${bar.total}`,
      ...(rate > 0 ? [`${formatNumber(rate)}/s`] : []),
      ...figures,
      ...(Number.isFinite(left) ? [this.timeLeft(left, seconds)] : []),
    ];
    return `  ${this.place()}${bar.label}  ${parts.join("  ")}`;
  }

  /** For this bar, and for all planned stages: those to come are taken to last as long as those so far on average. */
  private timeLeft(left: number, elapsed: number): string {
    const own = `${formatDuration(left)} left`;
    const at = this.planned.indexOf(this.stageName);
    const toCome = this.planned.length - 1 - at;
    if (at < 0 || toCome === 0) return own;
    const sizes = [...this.took, elapsed + left];
    const mean = sizes.reduce((a, b) => a + b, 0) / sizes.length;
    return `${own}, about ${formatDuration(left + mean * toCome)} in all`;
  }
}

/** A bar of the given width with eighths of a cell. */
export function drawBar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const part = eighths % 8;
  const filled = "█".repeat(Math.floor(eighths / 8)) + (part > 0 ? " ▏▎▍▌▋▊▉"[part]! : "");
  return `▕${pad(filled, width)}▏`;
}
