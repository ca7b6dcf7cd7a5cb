import { NDArray } from "../../tensor/ndarray.ts";

/** A part of a model's tokens that is generated in one go. */
export interface TokenWindow {
  readonly start: number;
  readonly end: number;
  /** Tokens at its beginning that an earlier window has generated: its context. */
  readonly known: number;
}

/**
 * How `length` tokens are generated in windows of `maxTokens`, each after the first with the last `overlap` tokens before as its
 * context. Throws where they do not fit into one and `overlap` is null.
 */
export function windowsOf(length: number, maxTokens: number, overlap: number | null): TokenWindow[] {
  const first = { start: 0, end: Math.min(length, maxTokens), known: 0 };
  if (length <= maxTokens) return [first];
  if (overlap === null)
    throw new RangeError(
      `igpg: the architecture takes ${length} tokens, more than maxTokens, ${maxTokens}: raise it, or give overlap for generation in stages`,
    );
  if (!(Number.isInteger(overlap) && overlap >= 0 && overlap < maxTokens))
    throw new RangeError(
      `igpg: overlap is ${overlap}: use a whole number from 0 up to, not including, ${maxTokens}`,
    );
  const windows = [first];
  while (windows.at(-1)!.end < length) {
    const start = windows.at(-1)!.end - overlap;
    windows.push({ start, end: Math.min(start + maxTokens, length), known: overlap });
  }
  return windows;
}

/** Token sequences as rows for training and scoring: a row for every window. */
export interface WindowRows {
  /** int64 [rows, time], 0 beyond the end. */
  readonly tokens: NDArray;
  /** int64 [rows, time] */
  readonly chunks: NDArray;
  /** [rows, time]: 1 on tokens. */
  readonly mask: NDArray;
  /** [rows, time]: 1 on tokens that no earlier window has. */
  readonly fresh: NDArray;
  /** [rows, condition] */
  readonly condition: NDArray;
}

/** The rows of sequences with their conditions, and for each sequence the rows that are its. `time`, if given, pads further. */
export function windowRows(
  sequences: readonly { readonly tokens: Int32Array; readonly condition: Float32Array }[],
  o: {
    readonly maxTokens: number;
    readonly overlap: number | null;
    readonly tokensPerChunk: number;
    readonly time?: number;
  },
): { rows: WindowRows; rowsOf: readonly (readonly number[])[] } {
  const all = sequences.flatMap((s, i) =>
    windowsOf(s.tokens.length, o.maxTokens, o.overlap).map((w) => ({ ...s, ...w, sequence: i })),
  );
  const time = Math.max(o.time ?? 0, ...all.map((w) => w.end - w.start));
  const shape = [all.length, time];
  const [tokens, chunks] = [NDArray.zeros(shape, "int64"), NDArray.zeros(shape, "int64")];
  const [mask, fresh] = [NDArray.zeros(shape), NDArray.zeros(shape)];
  const width = sequences[0]!.condition.length;
  const condition = NDArray.zeros([all.length, width]);
  const rowsOf: number[][] = sequences.map(() => []);
  all.forEach((w, row) => {
    rowsOf[w.sequence]!.push(row);
    (condition.data as Float32Array).set(w.condition, row * width);
    for (let t = 0; t < w.end - w.start; t++) {
      const at = row * time + t;
      tokens.data[at] = BigInt(w.tokens[w.start + t]!) as unknown as number;
      chunks.data[at] = BigInt(Math.floor((w.start + t) / o.tokensPerChunk)) as unknown as number;
      mask.data[at] = 1;
      fresh.data[at] = t < w.known ? 0 : 1;
    }
  });
  return { rows: { tokens, chunks, mask, fresh, condition }, rowsOf };
}
