import { showShape } from "./shape.ts";

interface Typed {
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** The operands of a call, as error messages show them: `float32[2, 3] and int64[4]`. */
function showOperands(operands: readonly (Typed | undefined)[]): string {
  return operands.map((t) => (t === undefined ? "nothing" : `${t.dtype}${showShape(t.shape)}`)).join(" and ");
}

/** Throw one line: the operator, what it was given, what is wrong with it, and where the caller stands. */
export function fail(operator: string, operands: readonly (Typed | undefined)[], problem: string): never {
  const place = callerPlace(new Error().stack ?? "");
  throw new RangeError(
    `${operator} of ${showOperands(operands)}: ${problem}${place === "" ? "" : ` (${place})`}`,
  );
}

const HERE = import.meta.url.slice(0, import.meta.url.lastIndexOf("/") + 1).replace(/^file:\/\//, "");

/** `file:line:column` of the first stack frame outside this folder. */
function callerPlace(stack: string): string {
  for (const line of stack.split("\n").slice(1)) {
    const place = /((?:file:\/\/|\/|[A-Za-z]:\\|https?:\/\/)[^()\s]+:\d+:\d+)/
      .exec(line)?.[1]
      ?.replace(/^file:\/\//, "");
    if (place !== undefined && (!place.includes(HERE) || /\.test\.[jt]s/.test(place))) return place;
  }
  return "";
}
