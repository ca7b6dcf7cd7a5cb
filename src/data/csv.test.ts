import { gzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { columnOf, readCsv, tableDataset } from "./csv.ts";

const columns = (text: string, o = {}) =>
  Object.fromEntries(readCsv(text, o).columns.map((c) => [c.name, [c.type, ...c.values]]));

describe("readCsv", () => {
  it("finds the type of each column, and missing cells", () => {
    const table = readCsv("x,colour,n\n1.5,red,1\n?,blue,-2e3\n.5,,+4.\n");
    expect(table.rows).toBe(3);
    expect(table.columns).toEqual([
      { name: "x", type: "numeric", values: Float64Array.of(1.5, Number.NaN, 0.5), missing: 1 },
      {
        name: "colour",
        type: "categorical",
        categories: ["blue", "red"],
        values: Int32Array.of(1, 0, -1),
        missing: 1,
      },
      { name: "n", type: "numeric", values: Float64Array.of(1, -2000, 4), missing: 0 },
    ]);
  });

  it("reads quoted cells with delimiters, quotes and line ends in them", () => {
    const table = readCsv('name,"a ""b"""\r\n"x, y",1\r\n"two\nlines", 2 \r\n"",3');
    expect(table.columns.map((c) => c.name)).toEqual(["name", 'a "b"']);
    expect(columnOf(table, "name")).toMatchObject({ categories: ["two\nlines", "x, y"], missing: 1 });
    expect([...columnOf(table, 'a "b"').values]).toEqual([1, 2, 3]);
  });

  it("takes LF, CRLF and CR, empty lines, a byte order mark, a last line without an end, another delimiter, no header", () => {
    const expected = { a: ["numeric", 1, 3], b: ["numeric", 2, 4] };
    for (const text of [
      "a,b\n1,2\n3,4",
      "a,b\r\n1,2\r\n\r\n3,4\r\n",
      "\ufeffa,b\r1,2\r3,4\r",
      "a,b\n1,2\n\n3,4\n\n",
    ]) {
      expect(columns(text)).toEqual(expected);
    }
    expect(columns("a;b\n1;2\n3;4", { delimiter: ";" })).toEqual(expected);
    expect(columns("a\tb\n1\t2\n3\t4", { delimiter: "\t" })).toEqual(expected);
    expect(columns("1,2\n3,4", { header: false })).toEqual({ 0: ["numeric", 1, 3], 1: ["numeric", 2, 4] });
    expect(columns("a,b\n1,\n", {})).toEqual({ a: ["numeric", 1], b: ["numeric", Number.NaN] });
  });

  it("takes types and missing cells from the caller", () => {
    expect(columns("x\n1\n2\n1", { types: { x: "categorical" } })).toEqual({ x: ["categorical", 0, 1, 0] });
    expect(columns("x,y\nnan,1\n2,1", { missing: ["nan"] })).toEqual({
      x: ["numeric", Number.NaN, 2],
      y: ["numeric", 1, 1],
    });
  });

  it("reads gzipped bytes", () => {
    expect(readCsv(gzipSync(new TextEncoder().encode("a,b\n1,2\n"))).rows).toBe(1);
  });

  it.each([
    ["a,b\n1,2\n3\n", {}, "x: line 3 has 1 cells, line 1 has 2: give every row the same number"],
    ['a,b\n"1\n2",2\n3,4,5\n', {}, "x: line 4 has 3 cells, line 1 has 2"],
    ['a,b\n1,"2\n3,4\n', {}, "x: line 2: a quote is opened and never closed"],
    ['a,b\n1,"2"3\n', {}, 'x: line 2: a quoted cell is followed by "3", "," or the line\'s end is expected'],
    ["a,a\n1,2\n", {}, 'x: two columns are named "a"'],
    ["", {}, "x: the file is empty"],
    ["a,b\n1,2\n3,x\n", { types: { b: "numeric" } }, 'x: line 3: "x" in the numeric column b is no number'],
    ["a,b\n1,2\n", { types: { c: "numeric" } }, 'x: there is no column "c" to give a type to: there is a, b'],
  ] as const)("refuses %j in one line", (text, o, message) => {
    const read = () => readCsv(text, { ...o, what: "x" });
    expect(read).toThrow(message);
    expect(read).toThrow(/^[^\n]+$/);
  });

  it("refuses bytes that are no UTF-8, naming the first", () => {
    expect(() => readCsv(Uint8Array.of(97, 44, 98, 10, 0xe9, 44, 49), { what: "x" })).toThrow(
      "x: byte 4 is no UTF-8",
    );
  });
});

describe("tableDataset", () => {
  const table = readCsv("id,x,sex,y,z\n1,1,M,a,0.5\n2,?,F,b,1.5\n3,5,I,a,2.5\n");

  it("puts one number for a numeric column and one for each category, and names the classes", () => {
    const { features, labels, classes } = tableDataset(table, { target: "y", ignore: ["id", "x"] });
    expect(features.dtype).toBe("float32");
    expect(features.toNested()).toEqual([
      [0, 0, 1, 0.5],
      [1, 0, 0, 1.5],
      [0, 1, 0, 2.5],
    ]);
    expect([labels.dtype, labels.toNested(), classes]).toEqual(["int64", [0n, 1n, 0n], ["a", "b"]]);
  });

  it("gives a numeric target as float32 [rows, 1]", () => {
    const { labels } = tableDataset(table, { target: "z", ignore: ["x"] });
    expect([labels.dtype, labels.toNested()]).toEqual(["float32", [[0.5], [1.5], [2.5]]]);
  });

  it("refuses missing features unless told what to do with them", () => {
    const o = { target: "y", ignore: ["id", "sex", "z"], what: "t" };
    expect(() => tableDataset(table, o)).toThrow(
      't: column x has 1 missing cells, the first in row 2 of the table: say what to do: missing: "mean" or "drop"',
    );
    expect(tableDataset(table, { ...o, missing: "mean" }).features.toNested()).toEqual([[1], [3], [5]]);
    const dropped = tableDataset(table, { ...o, missing: "drop" });
    expect([dropped.features.toNested(), dropped.labels.toNested()]).toEqual([
      [[1], [5]],
      [0n, 0n],
    ]);
  });

  it("refuses a missing target and unknown columns", () => {
    expect(() => tableDataset(table, { target: "x" })).toThrow("a target cannot be missing");
    expect(() => tableDataset(table, { target: "w" })).toThrow(
      'there is no column "w": there is id, x, sex, y, z',
    );
    expect(() => tableDataset(table, { target: "y", ignore: ["w"] })).toThrow('there is no column "w"');
  });
});
