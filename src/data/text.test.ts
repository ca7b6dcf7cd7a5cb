import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { byteVocabulary, decodeText, randomWindows, splitTokens, windows, wordVocabulary } from "./text.ts";

const numbers = (array: NDArray) => Array.from(array.data, Number);
const tokens = (n: number) =>
  new NDArray(
    BigInt64Array.from({ length: n }, (_, i) => BigInt(i)),
    [n],
  );

describe("byteVocabulary", () => {
  it("is all 256 bytes, or those of a sample in ascending order", () => {
    const all = byteVocabulary();
    expect([all.size, numbers(all.encode("aé"))]).toEqual([256, [97, 195, 169]]);
    const small = byteVocabulary("banana\n");
    expect([small.size, numbers(small.encode("nab\n"))]).toEqual([4, [3, 1, 2, 0]]);
    expect(small.decode(small.encode("banana"))).toBe("banana");
  });

  it("refuses bytes and tokens that it does not hold", () => {
    expect(() => byteVocabulary("ab").encode("abc")).toThrow(
      "byte 99 at 2 is not in the vocabulary of 2 bytes",
    );
    expect(() => byteVocabulary("ab").decode(tokens(3))).toThrow(
      "there is no token 2: the vocabulary has 0 to 1",
    );
  });
});

describe("wordVocabulary", () => {
  const text = "the cat  the dog\nthe cat a";

  it("numbers words by frequency, equally frequent ones in order", () => {
    const { words, counts, encode, decode, size } = wordVocabulary(text);
    expect(words).toEqual(["<unk>", "the", "cat", "a", "dog"]);
    expect([counts, size]).toEqual([[0, 3, 2, 1, 1], 5]);
    expect(numbers(encode("dog bites the cat"))).toEqual([4, 0, 1, 2]);
    expect(decode(encode("dog bites"))).toBe("dog <unk>");
  });

  it("leaves out rare words and those beyond the size, and counts them as unknown", () => {
    expect(wordVocabulary(text, { minCount: 2 })).toMatchObject({
      words: ["<unk>", "the", "cat"],
      counts: [2, 3, 2],
    });
    expect(wordVocabulary(text, { maxSize: 2 })).toMatchObject({ words: ["<unk>", "the"], counts: [4, 3] });
  });
});

describe("windows", () => {
  it("cuts tokens without overlap; labels are the next tokens; the rest is dropped", () => {
    const { features, labels } = windows(tokens(10), 3);
    expect(features.toNested()).toEqual([
      [0n, 1n, 2n],
      [3n, 4n, 5n],
      [6n, 7n, 8n],
    ]);
    expect(labels.toNested()).toEqual([
      [1n, 2n, 3n],
      [4n, 5n, 6n],
      [7n, 8n, 9n],
    ]);
    expect(windows(tokens(9), 3).features.shape).toEqual([2, 3]);
    expect(numbers(windows(tokens(7), 3, 2).features)).toEqual([0, 1, 2, 2, 3, 4]);
  });

  it("takes random ones by key, the last possible one included", () => {
    const key = random.key(0);
    const { features, labels } = randomWindows(key, tokens(10), 3, 400);
    expect(randomWindows(key, tokens(10), 3, 400)).toEqual({ features, labels });
    const starts = (features.toNested() as bigint[][]).map((w) => Number(w[0]));
    expect([...new Set(starts)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(numbers(labels)).toEqual(numbers(features).map((t) => t + 1));
  });

  it("the validation part is the end", () => {
    const { train, validation } = splitTokens(tokens(10), 0.3);
    expect([numbers(train), numbers(validation)]).toEqual([
      [0, 1, 2, 3, 4, 5, 6],
      [7, 8, 9],
    ]);
    expect(splitTokens(tokens(10), 4).validation.shape).toEqual([4]);
    expect(() => splitTokens(tokens(10), 11)).toThrow("splitTokens: 11 of 10 tokens");
  });

  it("refuses windows that do not fit", () => {
    expect(() => windows(tokens(3), 3)).toThrow("windows: 3 tokens have no window of 3 and a next token");
    expect(() => windows(NDArray.from([1, 2, 3]), 1)).toThrow("tokens are int64, these are float32");
  });
});

describe("decodeText", () => {
  it("names the first byte that is no UTF-8", () => {
    const good = new TextEncoder().encode("naïve ".repeat(50));
    expect(decodeText(good)).toBe("naïve ".repeat(50));
    for (const at of [0, 2, 100, good.length - 1]) {
      const bad = good.slice();
      bad[at] = 0xff;
      expect(() => decodeText(bad, "x")).toThrow(/^x: byte \d+ is no UTF-8/);
    }
    const cut = Uint8Array.of(97, 98, 0xc3);
    expect(() => decodeText(cut, "x")).toThrow("x: byte 2 is no UTF-8");
    expect(() => decodeText(Uint8Array.of(97, 0xff, 98), "x")).toThrow("x: byte 1 is no UTF-8");
  });
});
