import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  above,
  atLeast,
  atMost,
  below,
  between,
  claim,
  criterion,
  didNotHold,
  equals,
  everySeed,
  formatFigure,
  summarise,
} from "./claims.ts";
import { formatBytes, formatCell, formatDuration, formatNumber } from "./format.ts";
import { type ExperimentResult, fromJson, problemsOf, toJson, toReadableJson } from "./result.ts";

const stated = { id: "C1", statement: "It is small.", paper: "1e-6", scale: "quick: 2000 triples" };

describe("summarise", () => {
  it("gives mean, sample standard deviation and count", () => {
    expect(summarise([1, 2, 3, 4])).toEqual({
      mean: 2.5,
      spread: Math.sqrt(5 / 3),
      seeds: 4,
      values: [1, 2, 3, 4],
    });
    expect(summarise(7)).toEqual({ mean: 7, spread: null, seeds: 1, values: [7] });
    expect(() => summarise([])).toThrow("no values");
  });
});

describe("a judged claim", () => {
  const judge = (values: number | number[], c = atMost(0.5)) =>
    claim(stated).judge({ values, criterion: c }).verdict;

  it("is reproduced where its criterion holds, and says in words what it was", () => {
    const c = claim(stated).judge({
      values: [0.1, 0.3],
      unit: "test MSE",
      criterion: atMost(0.2, "times the FNN's test MSE"),
    });
    expect(c).toMatchObject({
      ...stated,
      verdict: "reproduced",
      criterion: "≤ 0.2 times the FNN's test MSE",
    });
    expect(c.ours).toMatchObject({ mean: 0.2, seeds: 2, unit: "test MSE" });
    expect(didNotHold(c)).toBe(false);
  });

  it("compares as the sign says, also at the bound", () => {
    expect([
      judge(0.5, atMost(0.5)),
      judge(0.5, below(0.5)),
      judge(0.5, atLeast(0.5)),
      judge(0.5, above(0.5)),
    ]).toEqual([...["reproduced", "not reproduced", "reproduced", "not reproduced"]]);
    expect([judge(1, between(1, 2)), judge(2.1, between(1, 2))]).toEqual(["reproduced", "not reproduced"]);
  });

  it("asks every seed where it says so", () => {
    expect(judge([0.1, 0.7])).toBe("reproduced");
    expect(judge([0.1, 0.7], everySeed(atMost(0.5)))).toBe("not reproduced");
    expect(everySeed(atMost(0.5)).words).toBe("≤ 0.5, every seed");
  });

  it("is never held by a figure that is not finite", () => {
    expect(
      judge(
        Number.NaN,
        criterion("anything", () => true),
      ),
    ).toBe("not reproduced");
    expect(judge([1, Number.POSITIVE_INFINITY], atLeast(0))).toBe("not reproduced");
  });

  it("is exact where all criteria are identities", () => {
    expect(judge([1, 1 + 1e-9], equals(1, 1e-8))).toBe("exact");
    expect(judge([1, 1 + 1e-7], equals(1, 1e-8))).toBe("not reproduced");
    const mixed = claim(stated).judge(
      { values: 1, criterion: equals(1, 0) },
      { values: 1, criterion: atMost(2) },
    );
    expect(mixed.verdict).toBe("reproduced");
  });

  it("is partly reproduced where some measurements hold, and shows them all", () => {
    const c = claim(stated).judge(
      { label: "MSE(125)/MSE(500)", values: 18.9, criterion: atLeast(5) },
      { label: "MSE(250)/MSE(2000)", values: 2, criterion: atLeast(4) },
    );
    expect(c.verdict).toBe("partly");
    expect(formatFigure(c.ours!)).toBe("MSE(125)/MSE(500) 18.9; MSE(250)/MSE(2000) 2");
    expect(c.criterion).toBe("MSE(125)/MSE(500) ≥ 5; MSE(250)/MSE(2000) ≥ 4");
    expect(didNotHold(c)).toBe(true);
  });

  it("that was not attempted has no figure and says why", () => {
    const c = claim(stated).notAttempted("needs full");
    expect(c).toMatchObject({ ours: null, verdict: "not attempted", note: "needs full" });
    expect(didNotHold(c)).toBe(false);
  });

  it("shows mean ± spread with its unit", () => {
    expect(formatFigure({ ...summarise([7.6e-5, 8.9e-5, 9.1e-5]), unit: "MSE" })).toBe(
      "8.53e-5 ± 8.1e-6 MSE",
    );
    expect(formatFigure(summarise(3))).toBe("3");
  });
});

describe("problemsOf", () => {
  const good = claim(stated).judge({ values: 0.1, criterion: atMost(1) });
  const of = (change: Partial<ExperimentResult>) =>
    problemsOf({ claims: [good], tables: [], charts: [], models: {}, ...change });

  it("finds nothing in a sound result", () => expect(of({})).toEqual([]));
  it("finds double ids, empty statements and figures, unknown verdicts", () => {
    expect(of({ claims: [good, good] })).toEqual(["claim C1 appears twice: ids are unique"]);
    expect(of({ claims: [{ ...good, statement: " " }] })[0]).toContain("needs an id and a statement");
    expect(of({ claims: [{ ...good, paper: "" }] })[0]).toContain("null when none is known");
    expect(of({ claims: [{ ...good, verdict: "fine" as never }] })[0]).toContain('"fine" is no verdict');
  });
  it("finds verdicts that contradict the figures", () => {
    expect(of({ claims: [{ ...good, ours: null }] })[0]).toContain('judged "reproduced" without a figure');
    expect(of({ claims: [{ ...good, verdict: "not attempted" }] })[0]).toContain("has a figure of ours");
  });
  it("finds ragged tables and model names that are no file names", () => {
    const table = { title: "t", columns: [{ name: "a" }], rows: [[1], [1, 2]] };
    expect(of({ tables: [table] })).toEqual(['table "t": row 1 has 2 cells for 1 columns']);
    expect(of({ models: { "../x": {} as never } })[0]).toContain("becomes a file name");
  });
});

describe("numbers as text", () => {
  it.each([
    [0, "0"],
    [7.6e-5, "7.6e-5"],
    [7.64e-5, "7.64e-5"],
    [0.021345, "0.0213"],
    [0.2, "0.2"],
    [1.999, "2"],
    [18.94, "18.9"],
    [999.6, "1000"],
    [1234.5, "1235"],
    [2000, "2000"],
    [1_000_000, "1000000"],
    [1.5e7, "1.5e7"],
    [1e8, "1e8"],
    [-0.5, "−0.5"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "−∞"],
    [0.0009999, "1e-3"],
    [100.4, "100"],
    [99.95, "100"],
  ])("%d → %s", (x, text) => expect(formatNumber(x as number)).toBe(text));

  it("is within half a unit of the third digit, for any number", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
        expect(Math.abs(Number(formatNumber(x)) - x)).toBeLessThanOrEqual(0.00501 * x);
      }),
    );
  });

  it("shows cells by their column's format, and null as a dash", () => {
    expect([
      formatCell(null),
      formatCell("<b>"),
      formatCell(0.1234, "percent"),
      formatCell(1234.6, "integer"),
    ]).toEqual([...["–", "<b>", "12.3 %", "1235"]]);
    expect([
      formatCell(1234.6, "scientific"),
      formatCell(0, "scientific"),
      formatCell(Number.NaN, "percent"),
    ]).toEqual(["1.23e3", "0", "NaN"]);
  });

  it.each([
    [0, "0 ms"],
    [0.0421, "42 ms"],
    [1.44, "1.4 s"],
    [9.96, "10 s"],
    [59.6, "1 min 00 s"],
    [185, "3 min 05 s"],
    [7620, "2 h 07 min"],
    [Number.NaN, "–"],
  ])("%d seconds → %s", (s, text) => expect(formatDuration(s as number)).toBe(text));

  it.each([
    [0, "0 B"],
    [812, "812 B"],
    [3400, "3.4 kB"],
    [12e6, "12 MB"],
    [999_600, "1 MB"],
  ])("%d bytes → %s", (b, text) => expect(formatBytes(b as number)).toBe(text));
});

describe("result JSON", () => {
  it("keeps numbers that JSON does not have", () => {
    const value = { a: [Number.NaN, 1, Number.NEGATIVE_INFINITY], b: { c: Number.POSITIVE_INFINITY } };
    expect(fromJson(toJson(value))).toEqual(value);
  });

  it("is readable, and is JSON whatever it holds", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (v) => {
        expect(JSON.parse(toReadableJson(v))).toEqual(JSON.parse(JSON.stringify(v)));
      }),
    );
    const rows = Array.from({ length: 40 }, (_, i) => ({ x: i, y: undefined }));
    expect(toReadableJson({ rows }).split("\n")).toHaveLength(44);
  });
});
