/**
 * Schedules: functions of the step (0 at the first update), a float64 scalar in the graph. So a resumed training goes on
 * where it was. Any function of tensors will do: `(step) => step.add(1).sqrt().reciprocal()`.
 */
import { where } from "../tensor/operators/elementwise.ts";
import { Tensor } from "../tensor/tensor.ts";

export type Schedule = (step: Tensor) => Tensor;

/** The same value at every step: what a plain number stands for. */
export function constant(value: number): Schedule {
  return () => Tensor.constant(value, "float64");
}

/**
 * `value`, times `factor` from each of the steps `at` on.
 * `optim.step({ value: 0.1, at: [1000, 2000], factor: 0.1 })`
 */
export function step(o: {
  readonly value: number;
  readonly at: readonly number[];
  readonly factor: number;
}): Schedule {
  return (count) =>
    o.at.reduce<Tensor>(
      (value, at) => where(count.greaterEqual(at), value.mul(o.factor), value),
      Tensor.constant(o.value, "float64"),
    );
}

/**
 * `value` * `rate` ^ (step / `every`); with `staircase`, only whole powers.
 * `optim.exponential({ value: 1e-3, rate: 0.9, every: 1000 })`
 */
export function exponential(o: {
  readonly value: number;
  readonly rate: number;
  readonly every: number;
  readonly staircase?: boolean | undefined;
}): Schedule {
  positive("exponential", "every", o.every);
  return (count) => {
    const power = count.div(o.every);
    return Tensor.constant(o.rate, "float64")
      .pow(o.staircase ? power.floor() : power)
      .mul(o.value);
  };
}

/**
 * Half a cosine from `value` at step 0 to `end` (default 0) at step `steps`, and `end` from there on.
 * Loshchilov and Hutter, "SGDR", ICLR 2017, eq. 5, without restarts. `optim.cosine({ value: 1e-3, steps: 10_000 })`
 */
export function cosine(o: {
  readonly value: number;
  readonly steps: number;
  readonly end?: number | undefined;
}): Schedule {
  positive("cosine", "steps", o.steps);
  const { end = 0 } = o;
  return (count) =>
    count
      .minimum(o.steps)
      .mul(Math.PI / o.steps)
      .cos()
      .add(1)
      .mul((o.value - end) / 2)
      .add(end);
}

/**
 * Linear from `start` (default 0) at step 0 to the first value of `schedule` at step `steps`, and `schedule` from there on, which
 * counts its own steps from 0. `optim.warmUp({ steps: 500, schedule: optim.cosine({ value: 1e-3, steps: 9_500 }) })`
 */
export function warmUp(o: {
  readonly steps: number;
  readonly schedule: number | Schedule;
  readonly start?: number | undefined;
}): Schedule {
  positive("warmUp", "steps", o.steps);
  const { start = 0 } = o;
  const after = scheduleOf(o.schedule);
  return (count) => {
    const peak = after(Tensor.constant(0, "float64"));
    const rising = peak.sub(start).mul(count.div(o.steps)).add(start);
    return where(count.less(o.steps), rising, after(count.sub(o.steps).maximum(0)));
  };
}

export function scheduleOf(value: number | Schedule): Schedule {
  if (typeof value === "function") return value;
  if (!Number.isFinite(value)) throw new RangeError(`optim: the learning rate ${value} is no finite number`);
  return constant(value);
}

function positive(name: string, option: string, value: number): void {
  if (!(value > 0)) throw new RangeError(`${name}: ${option} is ${value}: use a number above 0`);
}
