import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cacheFolder, dataFolders, openDataset, readChecked } from "./cache.node.ts";
import { type DownloadOptions, download } from "./download.node.ts";
import { getDataset } from "./get.node.ts";
import { type DataFile, type DatasetEntry, datasetEntry, datasetNames } from "./registry.ts";

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3));
const sha256 = createHash("sha256").update(content).digest("hex");

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let base: string;
let folder: string;
let requests: { url: string; range: string | undefined }[];
let answers: Record<string, Answer[]>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "paperweight-data-"));
  requests = [];
  answers = {};
  server = createServer((request, response) => {
    requests.push({ url: request.url!, range: request.headers.range });
    const queue = answers[request.url!] ?? [];
    const answer = queue.length > 1 ? queue.shift() : queue[0];
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true, force: true });
});

/** What a good server does, of these bytes. */
const serve =
  (bytes: Buffer = content): Answer =>
  ({ headers }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    if (start >= bytes.length) return void response.writeHead(416).end();
    const range = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": bytes.length - start,
      ...(start > 0 ? range : {}),
    });
    response.end(bytes.subarray(start));
  };

/** Promises all of the rest, gives `count` bytes of it and drops the connection. */
const drop =
  (count: number): Answer =>
  ({ headers }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": content.length - start,
      ...(start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
    });
    response.write(content.subarray(start, start + count), () => setTimeout(() => response.destroy(), 20));
  };

const status =
  (code: number): Answer =>
  (_, response) =>
    void response.writeHead(code).end("no");

const fileAt = (...paths: string[]): DataFile => ({
  path: "set/file.bin",
  bytes: content.length,
  sha256,
  urls: paths.map((path) => base + path),
});
const target = () => join(folder, "set", "file.bin");
const get = (file: DataFile, o: DownloadOptions = {}) => download(file, target(), { pauses: [0, 0], ...o });
const arrived = () => readFileSync(target()).equals(content);

describe("download", () => {
  it("brings the file under its name, with progress up to its size, and leaves nothing else", async () => {
    answers = { "/a": [serve()] };
    const seen: number[] = [];
    await get(fileAt("/a"), { onProgress: (received, total) => seen.push(received, total) });
    expect(arrived()).toBe(true);
    expect(existsSync(`${target()}.part`)).toBe(false);
    expect(seen.slice(-2)).toEqual([content.length, content.length]);
    expect(requests).toEqual([{ url: "/a", range: undefined }]);
  });

  it("goes on where the connection was dropped, as often as each try brings something", async () => {
    answers = { "/a": [drop(100_000), drop(70_000), drop(50_000), drop(30_000), serve()] };
    await get(fileAt("/a"));
    expect(arrived()).toBe(true);
    const from = requests.map((r) => Number(/\d+/.exec(r.range ?? "0")![0]));
    expect(from).toHaveLength(5);
    expect(from).toEqual([...from].sort((a, b) => a - b));
    expect(from[4]).toBeGreaterThan(100_000);
  });

  it("goes on with what an earlier process left", async () => {
    answers = { "/a": [serve()] };
    mkdirSync(dirname(target()));
    writeFileSync(`${target()}.part`, content.subarray(0, 200_000));
    await get(fileAt("/a"));
    expect([arrived(), requests]).toEqual([true, [{ url: "/a", range: "bytes=200000-" }]]);
  });

  it("asks for nothing where all of it was left, and starts over where more was", async () => {
    answers = { "/a": [serve()] };
    mkdirSync(dirname(target()));
    writeFileSync(`${target()}.part`, content);
    await get(fileAt("/a"));
    expect([arrived(), requests]).toEqual([true, []]);
    writeFileSync(`${target()}.part`, Buffer.concat([content, content]));
    await get(fileAt("/a"));
    expect([arrived(), requests]).toEqual([true, [{ url: "/a", range: undefined }]]);
  });

  it("starts over once where what was left is damaged", async () => {
    answers = { "/a": [serve()] };
    mkdirSync(dirname(target()));
    writeFileSync(`${target()}.part`, Buffer.alloc(1000));
    await get(fileAt("/a"));
    expect([arrived(), requests.map((r) => r.range)]).toEqual([true, ["bytes=1000-", undefined]]);
  });

  it("starts over where the server sends the whole file again, or another part", async () => {
    const whole: Answer = (_, response) => void response.writeHead(200).end(content);
    const wrong: Answer = (_, response) =>
      void response
        .writeHead(206, { "content-range": `bytes 5-9/${content.length}` })
        .end(content.subarray(5, 10));
    for (const answer of [whole, wrong]) {
      answers = { "/a": [drop(1000), answer, serve()] };
      await get(fileAt("/a"));
      expect(arrived()).toBe(true);
      rmSync(target());
    }
  });

  it("takes the next address where one has no such file, another size, other bytes, or too many", async () => {
    const damaged = Buffer.from(content);
    damaged[12_345]! ^= 1;
    const endless: Answer = (_, response) => {
      response.writeHead(200).write(content);
      response.end(content);
    };
    const short: Answer = (_, response) => void response.writeHead(200).end(content.subarray(0, 10));
    answers = {
      "/page": [serve(Buffer.from("<html>not here</html>"))],
      "/damaged": [serve(damaged)],
      "/busy": [status(503)],
      "/endless": [endless],
      "/short": [short],
      "/good": [serve()],
    };
    await get(fileAt("/gone", "/page", "/damaged", "/endless", "/busy", "/short", "/good"));
    expect(arrived()).toBe(true);
  });

  it("says in one line what was wrong at each address, and keeps the target away", async () => {
    const damaged = Buffer.from(content);
    damaged[5]! ^= 1;
    answers = {
      "/page": [serve(Buffer.from("<html>"))],
      "/damaged": [serve(damaged)],
      "/busy": [status(503)],
    };
    const wrong = createHash("sha256").update(damaged).digest("hex");
    await expect(get(fileAt("/gone", "/page", "/damaged", "/busy"))).rejects.toThrow(
      `set/file.bin could not be downloaded: ${base}/gone: it answers with status 404; ${base}/page: it has 6 bytes, 300000 are expected; ${base}/damaged: it gives the sha256 ${wrong}, ${sha256} is expected; ${base}/busy: it answers with status 503`,
    );
    expect(existsSync(target())).toBe(false);
    expect(requests.filter((r) => r.url === "/busy")).toHaveLength(3);
  });

  it("gives up a server that promises more than it gives, and one that is not there", async () => {
    answers = { "/a": [drop(0)] };
    await expect(get(fileAt("/a"))).rejects.toThrow(
      /the connection failed|the connection was closed after 0 of 300000 bytes/,
    );
    const none = { ...fileAt("/a"), urls: ["http://127.0.0.1:1/a"] };
    await expect(get(none)).rejects.toThrow(
      /^set\/file\.bin could not be downloaded: \S+: the connection failed \([^\n]*\)$/,
    );
  });

  it("gives up a connection on which nothing comes", async () => {
    answers = { "/a": [(_, response) => void response.writeHead(200).write(content.subarray(0, 10))] };
    await expect(get(fileAt("/a"), { stall: 0.05, pauses: [] })).rejects.toThrow("nothing came for 0.05 s");
  });

  it("stops at once when it is aborted, keeps what has come, and goes on from there", async () => {
    const controller = new AbortController();
    answers = {
      "/a": [(_, response) => void response.writeHead(200).write(content.subarray(0, 90_000)), serve()],
    };
    const stopped = get(fileAt("/a"), {
      signal: controller.signal,
      onProgress: (received) => {
        if (received >= 90_000) controller.abort(new Error("enough"));
      },
    });
    await expect(stopped).rejects.toThrow("enough");
    expect(readFileSync(`${target()}.part`)).toEqual(content.subarray(0, 90_000));
    await get(fileAt("/a"));
    expect([arrived(), requests[1]!.range]).toEqual([true, "bytes=90000-"]);
  });

  it("says where it cannot write", async () => {
    writeFileSync(join(folder, "set"), "a file");
    await expect(get(fileAt("/a"))).rejects.toThrow(/file\.bin: it cannot be written: E[^\n]*$/);
    await expect(get(fileAt())).rejects.toThrow("set/file.bin has no public address");
  });
});

describe("getDataset", () => {
  const entry = (file: DataFile): DatasetEntry<unknown> => ({ ...datasetEntry("mnist"), files: [file] });
  const env = () => ({ XDG_CACHE_HOME: folder });

  it.skipIf(process.platform !== "linux")(
    "downloads into the cache what is missing, and checks what is there",
    async () => {
      answers = { "/a": [serve()] };
      const o = { entry: entry(fileAt("/a")), env: env() };
      const path = join(folder, "paperweight", "data", "set", "file.bin");
      expect(await getDataset("mnist", o)).toEqual([{ path, downloaded: true }]);
      expect(await getDataset("mnist", o)).toEqual([{ path, downloaded: false }]);
      expect(requests).toHaveLength(1);
      writeFileSync(path, content.subarray(1));
      await expect(getDataset("mnist", o)).rejects.toThrow(`${path}: 299999 bytes, 300000 are expected`);
    },
  );
});

describe("the cache", () => {
  it("is the user's cache folder of each system", () => {
    expect(cacheFolder({}, "linux", "/home/a")).toBe("/home/a/.cache/paperweight/data");
    expect(cacheFolder({ XDG_CACHE_HOME: "/var/c" }, "linux", "/home/a")).toBe("/var/c/paperweight/data");
    expect(cacheFolder({ XDG_CACHE_HOME: "not/absolute" }, "linux", "/home/a")).toBe(
      "/home/a/.cache/paperweight/data",
    );
    expect(cacheFolder({}, "darwin", "/Users/a")).toBe("/Users/a/Library/Caches/paperweight/data");
    expect(cacheFolder({ LOCALAPPDATA: "/appdata" }, "win32", "/Users/a")).toBe("/appdata/paperweight/data");
  });

  it("comes after the folder that PAPERWEIGHT_DATA names, which must be one", () => {
    expect(dataFolders({ PAPERWEIGHT_DATA: folder })[0]).toBe(folder);
    expect(dataFolders({ PAPERWEIGHT_DATA: "" })).toHaveLength(1);
    expect(() => dataFolders({ PAPERWEIGHT_DATA: join(folder, "none") })).toThrow("which is no folder");
  });

  it("readChecked refuses another size and another content, and takes every packing that is known", () => {
    const path = join(folder, "x");
    const file = { ...fileAt(), bytes: 1, sha256: "0", also: [{ bytes: content.length, sha256 }] };
    writeFileSync(path, content);
    expect(content.equals(readChecked(file, path))).toBe(true);
    const other = { ...file, also: [{ bytes: content.length, sha256: "1" }] };
    expect(() => readChecked(other, path)).toThrow(
      `${path}: the sha256 is ${sha256}, 0 or 1 is expected: it is damaged`,
    );
    expect(() => readChecked({ ...file, also: [] }, path)).toThrow(`${path}: 300000 bytes, 1 are expected`);
  });
});

describe("openDataset", () => {
  it("says in one line what is missing, and how to get it", async () => {
    const env = { PAPERWEIGHT_DATA: folder, XDG_CACHE_HOME: folder };
    await expect(openDataset("mnist", { env })).rejects.toThrow(
      /^mnist: mnist\/train-images-idx3-ubyte\.gz is not in \S+ nor in \S+: paperweight data get mnist downloads it$/,
    );
    await expect(openDataset("uci/iris", { env })).rejects.toThrow(
      "it has no public address: put it in the folder",
    );
    await expect(openDataset("uci/nothing", { env })).rejects.toThrow('there is no data set "uci/nothing"');
  });

  it("every entry names its licence, its source, and files with a size and a sha256", () => {
    expect(datasetNames).toHaveLength(12 + 42);
    for (const name of datasetNames) {
      const { title, licence, citation, page, files } = datasetEntry(name);
      for (const text of [title, licence, citation]) expect(text).toMatch(/^\S[^\n]*\S$/);
      expect(page).toMatch(/^https?:\/\/\S+$/);
      for (const file of files) {
        expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(file.bytes > 0 && Number.isInteger(file.bytes)).toBe(true);
        for (const url of file.urls) expect(url).toMatch(/^https?:\/\/[^ ]+[^/]$/);
      }
    }
  });
});
