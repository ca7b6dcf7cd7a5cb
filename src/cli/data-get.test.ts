import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CliOptions, cli as cliIn } from "../../test/fixtures/io.ts";

/** The one file of "mnist" in this test: 200,000 bytes on a server of our own. */
const content = Buffer.alloc(200_000, "weights");
const file = {
  path: "mnist/file.bin",
  bytes: content.length,
  sha256: createHash("sha256").update(content).digest("hex"),
  urls: [] as string[],
};
vi.mock("../data/registry.ts", async (original) => {
  const registry = await original<typeof import("../data/registry.ts")>();
  return { ...registry, datasetEntry: () => ({ ...registry.datasetEntry("mnist"), files: [file] }) };
});

let cwd: string;
let server: Server;
/** How many bytes the server gives before it waits for ever. */
let stopAfter: number;

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), "paperweight-cli-get-"));
  stopAfter = Number.POSITIVE_INFINITY;
  server = createServer(({ headers }, response) => {
    const start = Number(/\d+/.exec(headers.range ?? "0")![0]);
    const range = { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` };
    response.writeHead(start > 0 ? 206 : 200, start > 0 ? range : {});
    if (stopAfter < content.length) response.write(content.subarray(start, stopAfter));
    else response.end(content.subarray(start));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  file.urls = [`http://127.0.0.1:${(server.address() as AddressInfo).port}/file.bin`];
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(cwd, { recursive: true, force: true });
});

const get = (o: CliOptions = {}, ...more: string[]) =>
  cliIn(cwd, ["data", "get", "mnist", ...more], { env: { XDG_CACHE_HOME: cwd }, ...o });
const target = () => join(cwd, "paperweight", "data", "mnist", "file.bin");

describe.skipIf(process.platform !== "linux")("data get", () => {
  it("downloads into the cache, says where, and does nothing the second time", async () => {
    const { code, out, err } = await get();
    expect([code, err]).toEqual([0, "downloading mnist/file.bin, 200 kB\n"]);
    expect(out).toMatch(
      /^✓ mnist downloaded\n {2}paperweight\/data\/mnist\/file\.bin\nlicence: .*; cite LeCun/,
    );
    expect(readFileSync(target()).equals(content)).toBe(true);
    const again = await get();
    expect([again.err, again.out.split("\n")[0]]).toEqual(["", "✓ mnist is here already"]);
  });

  it("draws a bar on a terminal, which is gone in the end; nothing with --quiet; one document with --json", async () => {
    const { err } = await get({ tty: true });
    expect(err).toMatch(/ {2}file\.bin {2}▕█+▏ {3}200 kB of 200 kB {2}\S+ \S+\/s/);
    expect(err.endsWith("\r\u001b[2K")).toBe(true);
    rmSync(target());
    expect(await get({}, "--quiet")).toEqual({ code: 0, out: "", err: "" });
    const json = JSON.parse((await get({}, "--json")).out);
    expect(json).toEqual({ name: "mnist", files: [{ path: target(), downloaded: false }] });
  });

  it("an interrupt exits with 130, says how to go on, and the next call does", async () => {
    stopAfter = 90_000;
    const arrived = () =>
      existsSync(`${target()}.part`) && readFileSync(`${target()}.part`).length === 90_000;
    const { code, out, err } = await get({
      onListen: (interrupt) => void vi.waitUntil(arrived, { timeout: 10_000 }).then(interrupt),
    });
    expect([code, out]).toEqual([130, ""]);
    expect(err.split("\n").at(-2)).toBe("paperweight: interrupted; go on with: paperweight data get mnist");
    stopAfter = Number.POSITIVE_INFINITY;
    expect((await get()).code).toBe(0);
    expect(readFileSync(target()).equals(content)).toBe(true);
  });
});
