import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Dataset } from "./dataset.ts";

/** A two-way table between tokens and their numbers. */
export interface Vocabulary {
  readonly size: number;
  /** int64 [number of tokens]. Throws for what the vocabulary does not hold and has no number for. */
  encode(text: string): NDArray;
  decode(tokens: NDArray): string;
}

/** UTF-8 bytes as text. Throws, in one line that starts with `what`, naming the first byte that is no UTF-8. */
export function decodeText(bytes: Uint8Array, what = "text"): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TypeError(`${what}: byte ${firstBadByte(bytes)} is no UTF-8: save the file as UTF-8`);
  }
}

/**
 * A number for each byte of UTF-8. Without `sample`, all 256, the number is the byte; with it, only the bytes that
 * occur in it, in ascending order: 65 for tiny Shakespeare.
 */
export function byteVocabulary(sample?: string): Vocabulary {
  const bytes =
    sample === undefined
      ? Array.from({ length: 256 }, (_, i) => i)
      : [...new Set(utf8(sample))].sort((a, b) => a - b);
  const index = new Map(bytes.map((byte, i) => [byte, BigInt(i)]));
  const encode = (byte: number, at: number): bigint => {
    const token = index.get(byte);
    if (token !== undefined) return token;
    throw new RangeError(
      `byte ${byte} at ${at} is not in the vocabulary of ${bytes.length} bytes: build it from all of the text`,
    );
  };
  return {
    size: bytes.length,
    encode: (text) => {
      const raw = utf8(text);
      return new NDArray(BigInt64Array.from(raw, encode), [raw.length]);
    },
    decode: (tokens) =>
      new TextDecoder().decode(
        Uint8Array.from(tokens.data as ArrayLike<number | bigint>, (t) => member(bytes, Number(t))),
      ),
  };
}

/** A vocabulary of words; number 0 is every word that is not in it. */
export interface WordVocabulary extends Vocabulary {
  readonly words: readonly string[];
  /** How often each occurs in the text that it was built from; for number 0, all that were left out. */
  readonly counts: readonly number[];
}

export const unknownWord = "<unk>";

/**
 * The words of a text, which blanks separate, the most frequent first (equally frequent ones sorted), from number 1.
 * Left out are those that occur less than `minCount` times (default 1) and those beyond `maxSize` words (with number
 * 0; default: no limit).
 */
export function wordVocabulary(
  text: string,
  o: { readonly minCount?: number; readonly maxSize?: number } = {},
): WordVocabulary {
  const counted = new Map<string, number>();
  for (const word of wordsOf(text)) counted.set(word, (counted.get(word) ?? 0) + 1);
  const kept = [...counted]
    .filter(([, count]) => count >= (o.minCount ?? 1))
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, (o.maxSize ?? Number.POSITIVE_INFINITY) - 1);
  const total = [...counted.values()].reduce((a, b) => a + b, 0);
  const known = kept.reduce((sum, [, count]) => sum + count, 0);
  const words = [unknownWord, ...kept.map(([word]) => word)];
  const index = new Map(words.map((word, i) => [word, BigInt(i)]));
  return {
    size: words.length,
    words,
    counts: [total - known, ...kept.map(([, count]) => count)],
    encode: (t) => {
      const tokens = BigInt64Array.from(wordsOf(t), (word) => index.get(word) ?? 0n);
      return new NDArray(tokens, [tokens.length]);
    },
    decode: (tokens) =>
      Array.from(tokens.data as ArrayLike<number | bigint>, (t) => member(words, Number(t))).join(" "),
  };
}

/**
 * Tokens cut in two: the last `validation` of them (a number of tokens, or a share below 1), and those before. No
 * window crosses the cut.
 */
export function splitTokens(tokens: NDArray, validation: number): { train: NDArray; validation: NDArray } {
  const n = tokens.data.length;
  const count = validation < 1 ? Math.round(validation * n) : validation;
  if (!Number.isInteger(count) || count < 0 || count > n)
    throw new RangeError(
      `splitTokens: ${validation} of ${n} tokens: give a share from 0 to 1 or a whole number of tokens`,
    );
  const part = (from: number, to: number): NDArray =>
    new NDArray(tokens.data.slice(from, to), [to - from], tokens.dtype);
  return { train: part(0, n - count), validation: part(n - count, n) };
}

/**
 * Every window of `length` tokens (features, int64 [n, length]) with the tokens that follow each (labels, int64 [n,
 * length]), `stride` apart (default: `length`, so that no token is predicted twice). What is left at the end is
 * dropped.
 */
export function windows(tokens: NDArray, length: number, stride = length): Dataset {
  const count = Math.floor((tokens.data.length - length - 1) / stride) + 1;
  checkLength(tokens, length);
  return windowsAt(
    tokens,
    length,
    Array.from({ length: count }, (_, i) => i * stride),
  );
}

/** `count` windows that start anywhere, as `windows` gives them. */
export function randomWindows(key: NDArray, tokens: NDArray, length: number, count: number): Dataset {
  checkLength(tokens, length);
  const starts = random.integers(key, [count], 0, tokens.data.length - length);
  return windowsAt(tokens, length, Array.from(starts.data, Number));
}

function windowsAt(tokens: NDArray, length: number, starts: readonly number[]): Dataset {
  const cut = (shift: number): NDArray => {
    const out = new BigInt64Array(starts.length * length);
    const data = tokens.data as BigInt64Array;
    starts.forEach((start, i) => out.set(data.subarray(start + shift, start + shift + length), i * length));
    return new NDArray(out, [starts.length, length]);
  };
  return { features: cut(0), labels: cut(1) };
}

function checkLength(tokens: NDArray, length: number): void {
  if (tokens.dtype !== "int64")
    throw new TypeError(`windows: tokens are int64, these are ${tokens.dtype}: cast them`);
  if (!Number.isInteger(length) || length < 1 || length >= tokens.data.length) {
    throw new RangeError(
      `windows: ${tokens.data.length} tokens have no window of ${length} and a next token: take shorter windows`,
    );
  }
}

function* wordsOf(text: string): Generator<string> {
  for (const match of text.matchAll(/\S+/g)) yield match[0];
}

function member<T>(list: readonly T[], token: number): T {
  const found = list[token];
  if (found === undefined)
    throw new RangeError(`there is no token ${token}: the vocabulary has 0 to ${list.length - 1}`);
  return found;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * Where the first sequence starts that is no UTF-8: by bisection, the end of what decodes, less the start of a
 * sequence there.
 */
function firstBadByte(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length + 1];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (decodes(bytes.subarray(0, middle), true)) good = middle;
    else bad = middle;
  }
  while (!decodes(bytes.subarray(0, good), false)) good--;
  return good;
}

function decodes(bytes: Uint8Array, mayGoOn: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: mayGoOn });
    return true;
  } catch {
    return false;
  }
}
