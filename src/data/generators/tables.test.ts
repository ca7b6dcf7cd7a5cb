import { describe, expect, it } from "vitest";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { classCounts, take } from "../dataset.ts";
import { analogyCorpus, analogyQuestions, analogyVocabulary, contentWord } from "./analogies.ts";
import { dirichlet } from "./dirichlet.ts";
import { Draws } from "./draws.ts";
import { markovLogProbability, markovMixture, markovText } from "./markov-text.ts";
import { gaussianMixture } from "./mixture.ts";
import { checkerTable, mixtureTable, ringsTable, spiralsTable } from "./tables.ts";

const key = random.key(3);
const rowsOf = (array: NDArray) => array.toNested() as number[][];
const mean = (x: readonly number[]) => x.reduce((a, b) => a + b, 0) / x.length;

describe("the tables of ldlt-lipschitz", () => {
  const tables = {
    mixture: [mixtureTable(key, 600, random.key(1)), 8, 4],
    rings: [ringsTable(key, 600), 6, 3],
    checker: [checkerTable(key, 600), 5, 2],
    spirals: [spiralsTable(key, 600), 2, 2],
  } as const;

  it.each(Object.entries(tables))("%s: width, classes equally likely", (_name, [table, width, classes]) => {
    expect(table.features.shape).toEqual([600, width]);
    for (const count of classCounts(table.labels, classes)) {
      expect(Math.abs(count - 600 / classes)).toBeLessThan(80);
    }
  });

  it("rings: the radius is 1 + class, with noise of 0.12", () => {
    const [rings] = tables.rings;
    const over = rowsOf(rings.features).map((x, i) => Math.hypot(...x) - 1 - Number(rings.labels.data[i]));
    expect(Math.abs(mean(over))).toBeLessThan(0.02);
    expect(Math.sqrt(mean(over.map((d) => d * d)))).toBeCloseTo(0.12, 1);
  });

  it("checker: the class is the parity of the first three signs; every value lies in -1 to 1", () => {
    const [checker] = tables.checker;
    rowsOf(checker.features).forEach((x, i) => {
      expect(Number(checker.labels.data[i])).toBe(x.slice(0, 3).filter((v) => v > 0).length % 2);
      expect(x.every((v) => Math.abs(v) <= 1)).toBe(true);
    });
  });

  it("spirals: the angle of a point is its radius times 5, turned by pi for class 1", () => {
    const [spirals] = tables.spirals;
    const off = rowsOf(spirals.features).map(([x, y], i) => {
      const t = 5 * Math.hypot(x!, y!);
      const angle = t + Math.PI * Number(spirals.labels.data[i]);
      return Math.hypot(x! - (t * Math.cos(angle)) / 5, y! - (t * Math.sin(angle)) / 5);
    });
    expect(off.filter((d) => d < 1).length).toBeGreaterThan(590);
    const radius = rowsOf(spirals.features).map((x) => Math.hypot(...x));
    expect(Math.min(...radius) > 0.2 && Math.max(...radius) < (3 * Math.PI) / 5 + 0.4).toBe(true);
  });

  it("the centres of the mixture have a key of their own", () => {
    const [a, b] = [mixtureTable(key, 50, random.key(1)), mixtureTable(key, 50, random.key(2))];
    expect(a.labels).toEqual(b.labels);
    expect(a.features).not.toEqual(b.features);
    expect(a).toEqual(
      take(
        tables.mixture[0],
        Array.from({ length: 50 }, (_, i) => i),
      ),
    );
  });
});

describe("gaussianMixture", () => {
  it("has the means and the covariance it is given", () => {
    const means = NDArray.from([
      [10, 0],
      [-10, 0],
    ]);
    const noise = NDArray.from([
      [2, 0],
      [1, 0.5],
    ]);
    const { features, labels } = gaussianMixture(key, 4000, { means, noise });
    const rows = rowsOf(features).map(([x, y], i) => [x! - (labels.data[i] === 0n ? 10 : -10), y!] as const);
    expect(mean(rows.map(([x]) => x))).toBeCloseTo(0, 0);
    expect(mean(rows.map(([x]) => x * x)) / 4).toBeCloseTo(1, 1);
    expect(mean(rows.map(([x, y]) => x * y)) / 2).toBeCloseTo(1, 1);
    expect(mean(rows.map(([, y]) => y * y)) / 1.25).toBeCloseTo(1, 1);
  });

  it("refuses shapes that do not fit, in one line", () => {
    const means = NDArray.zeros([2, 3]);
    expect(() => gaussianMixture(key, 1, { means, classOf: [0] })).toThrow("1 classes for 2 clusters");
    expect(() => gaussianMixture(key, 1, { means, noise: NDArray.zeros([2, 2]) })).toThrow(
      "[3, 3] is expected",
    );
    expect(() => gaussianMixture(key, 1, { means: NDArray.zeros([3]) })).toThrow("[clusters, d] is expected");
  });
});

describe("dirichlet", () => {
  it.each([[[3, 1, 2]], [[0.5, 0.1, 2.5]], [[0.08, 0.08]]])("%j: adds up to 1, with mean a_i / a", (a) => {
    const draws = new Draws(key);
    const samples = Array.from({ length: 4000 }, () => dirichlet(draws, a));
    const total = a.reduce((s, v) => s + v, 0);
    const sums = samples.map((s) => Math.abs(s.reduce((x, y) => x + y, 0) - 1));
    expect(Math.max(...sums)).toBeLessThan(1e-12);
    a.forEach((ai, i) => {
      const x = samples.map((s) => s[i]!);
      expect(Math.abs(mean(x) - ai / total)).toBeLessThan(0.03);
      const variance = (ai * (total - ai)) / (total ** 2 * (total + 1));
      expect(Math.abs(mean(x.map((v) => (v - ai / total) ** 2)) / variance - 1)).toBeLessThan(0.15);
    });
  });

  it("refuses concentrations that are not positive", () => {
    expect(() => dirichlet(new Draws(key), [1, 0])).toThrow("one or more positive numbers are expected");
  });
});

describe("markovText", () => {
  const source = markovMixture(random.key(0));
  const text = markovText(key, 20_000, source);

  it("has rows that add up to 1, and a token's probabilities too", () => {
    for (const row of [...rowsOf(source.last), ...rowsOf(source.before)]) {
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    }
    const p = Array.from({ length: 64 }, (_, next) => Math.exp(markovLogProbability(source, 5, 9, next)));
    expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });

  it("begins with what a shorter text has, and keeps to 64 tokens", () => {
    expect(text.data.slice(0, 100)).toEqual(markovText(key, 100, source).data);
    expect(text.data.every((t) => t >= 0n && t < 64n)).toBe(true);
  });

  it("has the entropy that its source has: the mean log-probability agrees with the mean entropy", () => {
    const t = Array.from(text.data, Number);
    let [surprise, entropy, pairs] = [0, 0, 0];
    for (let i = 2; i < 6000; i++, pairs++) {
      surprise -= markovLogProbability(source, t[i - 2]!, t[i - 1]!, t[i]!);
      for (let next = 0; next < 64; next++) {
        const l = markovLogProbability(source, t[i - 2]!, t[i - 1]!, next);
        entropy -= Math.exp(l) * l;
      }
    }
    expect(Math.abs(surprise - entropy) / pairs).toBeLessThan(0.05);
    expect(entropy / pairs).toBeLessThan(Math.log(64));
  });
});

describe("analogies", () => {
  it("a sentence is a content word and words of its entity, of its relation, or fillers", () => {
    expect(analogyVocabulary).toBe(356);
    let [fillers, strange] = [0, 0];
    for (const [first, ...others] of rowsOf(analogyCorpus(key, 3000).cast("float64"))) {
      const [e, r] = [Math.floor(first! / 8), first! % 8];
      const own = [240 + 2 * e, 241 + 2 * e, 300 + 2 * r, 301 + 2 * r];
      for (const word of others) {
        if (word >= 316 && word < 356) fillers++;
        else if (first! >= 240 || !own.includes(word)) strange++;
      }
    }
    expect(strange).toBe(0);
    expect(Math.abs(fillers / 12_000 - 0.5)).toBeLessThan(0.02);
  });

  it("a question has two entities and two relations", () => {
    for (const words of rowsOf(analogyQuestions(key).cast("float64"))) {
      const [e, r] = [words.map((w) => Math.floor(w / 8)), words.map((w) => w % 8)];
      expect([e[0], e[2], r[0], r[1]]).toEqual([e[1], e[3], r[2], r[3]]);
      expect(e[0] !== e[2] && r[0] !== r[1]).toBe(true);
    }
    expect(contentWord(29, 7)).toBe(239);
  });
});
