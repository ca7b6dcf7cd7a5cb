import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliOptions, cli as cliIn } from "../../test/fixtures/io.ts";
import { datasetEntry } from "../data/registry.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "paperweight-cli-data-"));
  mkdirSync(join(cwd, "own", "uci"), { recursive: true });
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const env = () => ({ PAPERWEIGHT_DATA: join(cwd, "own"), XDG_CACHE_HOME: join(cwd, "cache") });
const cli = (line: string, o: CliOptions = {}) =>
  cliIn(cwd, line.split(" "), { env: env(), columns: 120, ...o });

describe("data list", () => {
  it("is a line a data set: what it holds, its size, whether it is here", async () => {
    writeFileSync(join(cwd, "own", "uci", "iris.csv"), "x");
    const { code, out } = await cli("data list");
    expect(code).toBe(0);
    expect(out).toMatch(/^ *mnist +handwritten digits: .* 12 MB +download *$/m);
    expect(out).toMatch(/^ *uci\/iris +table: 150 rows, 4 features, target class +4.6 kB +here *$/m);
    expect(out).toMatch(/^ *uci\/wine .* by hand *$/m);
    expect(out).toContain(`here: in ${join(cwd, "own")}`);
  });

  it("--json has the files, their sha256 and where they are", async () => {
    const rows = JSON.parse((await cli("data list --json")).out) as {
      name: string;
      here: boolean;
      files: unknown[];
    }[];
    const mnist = rows.find((r) => r.name === "mnist")!;
    expect(mnist).toMatchObject({ here: false, downloadable: true, bytes: 11_594_722 });
    expect(mnist.files[3]).toEqual({
      path: "mnist/t10k-labels-idx1-ubyte.gz",
      bytes: 4542,
      sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
      at: null,
    });
  });
});

describe("data get", () => {
  it("refuses unknown names, naming the nearest, with exit code 2", async () => {
    expect(await cli("data get mnsit")).toEqual({
      code: 2,
      out: "",
      err: 'paperweight: there is no data set "mnsit": did you mean mnist?\n',
    });
    expect((await cli("data get imagenet22k")).err).toContain("paperweight data list shows what there is");
    expect((await cli("data gte mnist")).code).toBe(2);
  });

  it("fails in one line where a data set has no address, and where the file that is here is damaged", async () => {
    const none = await cli("data get uci/iris");
    expect([none.code, none.err]).toEqual([
      1,
      "paperweight: uci/iris.csv has no public address: put it in the folder that PAPERWEIGHT_DATA names\n",
    ]);
    const path = join(cwd, "own", "uci", "iris.csv");
    const { bytes, sha256 } = datasetEntry("uci/iris").files[0]!;
    writeFileSync(path, "x".repeat(bytes));
    const wrong = createHash("sha256").update("x".repeat(bytes)).digest("hex");
    expect((await cli("data get uci/iris")).err).toBe(
      `paperweight: ${path}: the sha256 is ${wrong}, ${sha256} is expected: it is damaged or another file: delete it and get it again\n`,
    );
    writeFileSync(path, "x");
    expect((await cli("data get uci/iris")).err).toContain(`${path}: 1 bytes, ${bytes} are expected`);
  });

  const real = process.env.PAPERWEIGHT_DATA ?? "";
  if (real === "") console.log("data get: not tested on real files, PAPERWEIGHT_DATA is not set");
  it.skipIf(real === "")("says that a data set is here, where, and how to cite it", async () => {
    const { code, out } = await cli("data get uci/iris", { env: { ...env(), PAPERWEIGHT_DATA: real } });
    expect(code).toBe(0);
    expect(out).toMatch(/^✓ uci\/iris is here already\n {2}\S*uci\/iris\.csv\nlicence: .*; cite .*\n$/);
    const json = JSON.parse(
      (await cli("data get uci/iris --json", { env: { ...env(), PAPERWEIGHT_DATA: real } })).out,
    );
    expect(json).toMatchObject({ name: "uci/iris", files: [{ downloaded: false }] });
  });
});
