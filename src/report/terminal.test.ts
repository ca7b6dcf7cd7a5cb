import { describe, expect, it } from "vitest";
import { atLeast, atMost, claim } from "../experiment/claims.ts";
import { commandOf } from "./command.ts";
import { claimsText, tableText } from "./terminal.ts";
import { widthOf } from "./text.ts";

const state = (id: string, statement: string, paper: string | null) =>
  claim({ id, statement, paper, scale: "quick: 2000 triples" });
const claims = [
  state(
    "C1",
    "A two-net operator network generalises far better than a fully connected net.",
    "9.27e-7",
  ).judge({
    values: [7.6e-5, 8.9e-5, 9.1e-5],
    unit: "test MSE",
    criterion: atMost(5e-4),
  }),
  state("C2", "It is partly so.", null).judge(
    { values: 1, criterion: atMost(2) },
    { values: 1, criterion: atLeast(2) },
  ),
  state("C3", "It is not so.", "8^T").judge({ values: 1, criterion: atLeast(4) }),
  state("C4", "Nobody looked.", "1e-5 with 100 u, P = 1000").notAttempted("needs full"),
];

describe("claims in a terminal", () => {
  it.each([40, 60, 84, 100, 120])("fit into %d columns", (width) => {
    const lines = claimsText(claims, { width, colour: false }).split("\n");
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
  });

  it.each([60, 120])("show every statement, figure and verdict at %d columns", (width) => {
    const text = claimsText(claims, { width, colour: false }).replace(/\s+/g, " ");
    for (const part of [
      "1 reproduced, 1 partly, 1 not reproduced, 1 not attempted",
      "8.53e-5 ± 8.1e-6",
      "9.27e-7",
      "≤ 5e-4",
      "3 seeds",
      "needs full",
    ]) {
      expect(text).toContain(part);
    }
    for (const verdict of ["✓ reproduced", "◐ partly", "✗ not reproduced", "– not attempted"])
      expect(text).toContain(verdict);
  });

  it("keep their columns when coloured", () => {
    const bare = claimsText(claims, { width: 110, colour: false });
    const coloured = claimsText(claims, { width: 110, colour: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes
    expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(bare);
    expect(coloured).not.toBe(bare);
  });

  it("say so where there are none", () =>
    expect(claimsText([], { width: 80, colour: false })).toBe("Claims  no claims"));
});

describe("tables in a terminal", () => {
  it("have their units, formats and note", () => {
    const table = {
      title: "MSE",
      columns: [
        { name: "model" },
        { name: "test", unit: "MSE" },
        { name: "gap", format: "percent" as const },
      ],
      rows: [
        ["FNN", 4.1e-3, 0.05],
        ["DeepONet", 8.5e-5, null],
      ],
      note: "mean of 3",
    };
    expect(tableText(table, { width: 80, colour: false })).toBe(
      [
        "MSE",
        "",
        "  model     test [MSE]  gap",
        "  FNN           0.0041  5 %",
        "  DeepONet      8.5e-5    –",
        "  mean of 3",
      ].join("\n"),
    );
  });
});

describe("commandOf", () => {
  it("is what a shell needs to repeat the run", () => {
    const run = { paper: "deeponet", preset: "quick", seed: 3, device: "cpu", changes: [] } as const;
    expect(commandOf(run)).toBe("npx paperweight run deeponet --preset quick --seed 3");
    expect(commandOf({ ...run, device: "cuda", changes: ["a=[1, 2]", "b=it's", "c=1"] })).toBe(
      `npx paperweight run deeponet --preset quick --seed 3 --device cuda --set 'a=[1, 2]' --set 'b=it'\\''s' --set c=1`,
    );
  });
});
