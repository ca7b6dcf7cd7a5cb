import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { build, createServer, preview } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as core from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as onnx from "../../src/onnx/index.ts";
import * as optim from "../../src/optim/index.ts";
import { browserPath, launch, NO_BROWSER } from "./chromium.ts";
import { type Programs, programs } from "./programs.ts";
import { createProject, removeProject, root, type Site, servePlain } from "./project.ts";

const library = { core, nn, onnx, optim };

/** The files in docs/browser.md: a name alone in its line, then a block of code. */
const documented = Object.fromEntries(
  [
    ...readFileSync(join(root, "docs/browser.md"), "utf8").matchAll(/^`([\w.]+)`\n\n```\w+\n(.*?)^```$/gms),
  ].map(([, name, code]) => [name!, code!]),
);

const own = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8");
const files = {
  ...documented,
  "tests.html": '<!doctype html><script type="module" src="/page.js"></script>',
  ...Object.fromEntries(
    ["page.js", "worker.js", "library.js", "programs.ts"].map((name) => [name, own(name)]),
  ),
};

type Result<K extends keyof Programs> = Awaited<ReturnType<Programs[K]>>;

/** A page of a site, what it asked the network for, and what its policy stopped. */
class Visit {
  readonly requests: string[] = [];
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {
    page.on("request", (r) => this.requests.push(r.url()));
    page.on("console", (m) => {
      if (m.type() === "error" && !m.location().url.endsWith("favicon.ico")) this.complaints.push(m.text());
    });
    page.on("pageerror", (e) => this.complaints.push(e.message));
  }

  static async to(browser: Browser, site: Site): Promise<Visit> {
    const visit = new Visit(await browser.newPage());
    await visit.page.goto(`${site.url}tests.html`);
    await visit.page.waitForFunction("typeof start === 'function'");
    return visit;
  }

  run<K extends keyof Programs>(
    name: K,
    options: Parameters<Programs[K]>[1] = {} as never,
  ): Promise<Result<K>> {
    return this.page.evaluate(`start(${JSON.stringify(name)}, ${JSON.stringify(options)})`);
  }
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const worst = Math.max(...actual.map((v, i) => Math.abs(v - expected[i]!) / (1 + Math.abs(expected[i]!))));
  expect(worst).toBeLessThan(tolerance);
}

async function expectSameTraining(there: Result<"train">): Promise<void> {
  const here = await programs.train(library);
  expectClose(there.losses, here.losses, 1e-4);
  expectClose(there.weights, here.weights, 1e-4);
}

if (browserPath === undefined) console.warn(`tests in the browser are skipped: ${NO_BROWSER}`);

describe.skipIf(browserPath === undefined)("in the browser", () => {
  let folder: string;
  let browser: Browser;
  const sites: Site[] = [];
  let isolated: Visit;
  let plain: Visit;

  /** A site of one of Vite's servers, which has the headers of the documented configuration. */
  function addSite(server: { resolvedUrls: { local: string[] } | null; close(): Promise<void> }): Site {
    const site = { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
    sites.push(site);
    return site;
  }

  beforeAll(async () => {
    folder = createProject(files);
    const pages = ["index.html", "tests.html"].map((name) => join(folder, name));
    const options = { root: folder, logLevel: "error" } as const;
    [browser] = await Promise.all([
      launch(),
      build({ ...options, worker: { format: "es" }, build: { rollupOptions: { input: pages } } }),
    ]);
    isolated = await Visit.to(browser, addSite(await preview({ ...options, preview: { port: 0 } })));
    sites.push(await servePlain(join(folder, "dist")));
    plain = await Visit.to(browser, sites[1]!);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    for (const site of sites) await site.close();
    removeProject(folder);
  });

  it("trains as in Node, with the threads of a cross-origin isolated page", {
    timeout: 120_000,
  }, async () => {
    await expectSameTraining(await isolated.run("train"));
    expect(await isolated.page.evaluate("crossOriginIsolated")).toBe(true);
    const cores = await isolated.page.evaluate<number>("navigator.hardwareConcurrency");
    expect(isolated.page.workers().length).toBe(Math.min(cores, 8) - 1);
    const binaries = isolated.requests.filter((url) => url.endsWith(".wasm"));
    expect(binaries.length).toBe(1);
    expect(binaries[0]).not.toContain("jsep");
  });

  it("trains as in Node on the one thread of a worker of another page", { timeout: 120_000 }, async () => {
    await expectSameTraining(await plain.page.evaluate<Result<"train">>('startInWorker("train")'));
    expect(await plain.page.evaluate("crossOriginIsolated")).toBe(false);
    expect(plain.page.workers().length).toBe(1);
  });

  it("draws the same bits as Node, on the host and in a graph", async () => {
    const { host, graph } = await programs.draws(library);
    expect(graph).toEqual(host);
    expect(await isolated.run("draws")).toEqual({ host, graph });
  });

  it("exports the same file, and runs it; results stay when it runs again", async () => {
    const here = await programs.infer(library);
    const there = await isolated.run("infer");
    expect(there.file).toEqual(here.file);
    expectClose(there.output, here.output, 1e-5);
    expect(there.later).toEqual(there.output);
  });

  it("computes in float64", async () => {
    expectClose(await isolated.run("float64"), await programs.float64(library), 1e-13);
  });

  it("keeps calls apart that are made at once", async () => {
    const { atOnce, oneByOne } = await isolated.run("together");
    expect(atOnce).toEqual(oneByOne);
  });

  it("says in one line what a page cannot do", async () => {
    const load = (device: string) => `ONNX Runtime cannot load the model on ${device}: `;
    expect(await plain.run("refusal", { device: "cuda" })).toBe(
      `${load("cuda")}a browser has no CUDA: use "webgpu" or "cpu"`,
    );
    await plain.page.evaluate("navigator.gpu && (navigator.gpu.requestAdapter = async () => null)");
    expect(await plain.run("refusal", { device: "webgpu" })).toBe(
      `${load("webgpu")}the browser found no GPU adapter: use "cpu"`,
    );
    expect(await plain.run("refusal", { threads: 2 })).toBe(
      `${load("cpu")}2 threads take a cross-origin isolated page: send the headers in docs/browser.md, or use 1`,
    );
    expect(await isolated.run("refusal", { threads: 64 })).toMatch(
      /since its first session: ask for \d, not 64$/,
    );
  });

  it("agrees with the CPU on WebGPU", { timeout: 120_000 }, async ({ skip }) => {
    const adapter = await isolated.page.evaluate<boolean>(
      "navigator.gpu?.requestAdapter().then((a) => a !== null)",
    );
    if (!adapter) {
      console.warn("WebGPU in the browser is not tried out: it has no adapter");
      skip();
    }
    const problem = { sizes: [2, 8, 1], steps: 2 };
    const there = await isolated.run("train", { ...problem, device: "webgpu" });
    const here = await programs.train(library, problem);
    expectClose(there.losses, here.losses, 1e-3);
    expectClose(there.weights, here.weights, 1e-3);
    const { host, graph } = await isolated.run("draws", { device: "webgpu" });
    expect(graph).toEqual(host);
  });

  it("evaluates no text and asks no other host", async () => {
    for (const [i, visit] of [isolated, plain].entries()) {
      expect(visit.complaints).toEqual([]);
      expect(visit.requests.filter((url) => !url.startsWith(sites[i]!.url))).toEqual([]);
      expect(await visit.page.evaluate("evaluation()")).toBe("EvalError");
    }
  });

  it("trains on the documented page in development", { timeout: 120_000 }, async () => {
    expect(Object.keys(documented)).toEqual(["index.html", "main.ts", "vite.config.ts"]);
    // In a project of a user's the packages are below its folder, which Vite serves; here they are in the repository.
    const fs = { allow: [root] };
    const server = await createServer({ root: folder, logLevel: "error", server: { port: 0, fs } });
    const page = await browser.newPage();
    await page.goto(addSite(await server.listen()).url);
    const last = page.getByText("Step 200: loss");
    await last.waitFor({ timeout: 100_000 });
    expect(Number((await last.textContent())!.split(" ").at(-1))).toBeLessThan(0.01);
    expect(await page.evaluate("crossOriginIsolated")).toBe(true);
  });
});
