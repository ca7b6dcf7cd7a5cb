/** Texts of the command line as values; what does not fit is a usage error that names the option. */
import { UsageError } from "../experiment/errors.ts";
import { suggestion } from "../experiment/nearest.ts";

export function whole(option: string, text: string, least: number): number {
  return number(option, text, (v) => Number.isSafeInteger(v) && v >= least, `a whole number from ${least}`);
}

export function number(
  option: string,
  text: string,
  fits: (value: number) => boolean,
  expected: string,
): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && fits(value)) return value;
  throw new UsageError(`${option} ${text}: use ${expected}`);
}

export function list(option: string, text: string, fits: (value: number) => boolean): number[] {
  return text
    .split(",")
    .map((part) => number(option, part, fits, "numbers with commas between them, such as 0.49,0.48,0.45"));
}

export function oneOf<T extends string>(option: string, text: string, names: readonly T[]): T {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`${option} ${text}: ${suggestion(text, names)}`);
}
