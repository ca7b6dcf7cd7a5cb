import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cut, harmless, pad, paint, textTable, widthOf, wrap } from "./text.ts";

const plain = { width: 60, colour: false };

describe("width", () => {
  it("does not count colour and combining marks, and counts wide characters twice", () => {
    expect(widthOf(paint({ width: 80, colour: true }, "green", "abc"))).toBe(3);
    expect([widthOf("é"), widthOf("e\u0301"), widthOf("漢字"), widthOf("± ✓ 1/√n")]).toEqual([1, 1, 4, 8]);
  });
});

describe("wrap", () => {
  it("never makes a line too wide and loses no letter", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii" }), fc.integer({ min: 1, max: 30 }), (text, width) => {
        const lines = wrap(text, width);
        expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
        expect(lines.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
      }),
    );
  });
  it("breaks between words", () => expect(wrap("one two three", 8)).toEqual(["one two", "three"]));
});

describe("cut, pad, harmless", () => {
  it("cut ends in an ellipsis where something is missing", () => {
    expect([cut("abcdef", 6), cut("abcdef", 4), cut("漢字漢字", 4)]).toEqual(["abcdef", "abc…", "漢…"]);
  });
  it("pad fills on the other side of the alignment", () => {
    expect([pad("a", 3), pad("a", 3, "right"), pad("abcd", 3)]).toEqual(["a  ", "  a", "abcd"]);
  });
  it("harmless takes away what a terminal would obey", () =>
    expect(harmless("a\u001b[31mb\u0007\r")).toBe("a[31mb"));
});

describe("textTable", () => {
  it("aligns columns, numbers to the right", () => {
    const text = textTable(
      [{ title: "name" }, { title: "MSE", align: "right" }],
      [
        ["a", "7.6e-5"],
        ["long", "0.02"],
      ],
      plain,
    );
    expect(text).toBe(["  name     MSE", "  a     7.6e-5", "  long    0.02"].join("\n"));
  });

  it("wraps the flexible column to the width", () => {
    const columns = [{ title: "k" }, { title: "meaning", flex: true }, { title: "v" }];
    const text = textTable(
      columns,
      [["key", "many words that have no room on a single line of the terminal", "value"]],
      { ...plain, width: 40 },
    );
    expect(Math.max(...text.split("\n").map(widthOf))).toBeLessThanOrEqual(40);
    expect(text.split("\n")).toHaveLength(4);
  });

  it("has colour only where the style has", () => {
    const table = (colour: boolean) =>
      textTable([{ title: "a", ink: "bold" }], [["b"]], { width: 40, colour });
    expect(table(false)).not.toContain("\u001b");
    expect(table(true)).toContain("\u001b[1mb");
  });
});
