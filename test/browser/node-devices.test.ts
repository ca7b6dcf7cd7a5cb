import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "vite";
import { describe, expect, it } from "vitest";
import * as core from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as onnx from "../../src/onnx/index.ts";
import * as optim from "../../src/optim/index.ts";
import { programs } from "./programs.ts";
import { root } from "./project.ts";

const library = { core, nn, onnx, optim };

/** A folder in which Chromium ships Vulkan and a driver for it that needs no GPU. */
const software = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"].find((folder) =>
  existsSync(join(folder, "vk_swiftshader_icd.json")),
);

const environment = software && {
  VK_ICD_FILENAMES: join(software, "vk_swiftshader_icd.json"),
  LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, software].filter(Boolean).join(":"),
};

type Training = Awaited<ReturnType<typeof programs.train>>;

/** Train in a process of its own: the Vulkan loader reads its environment as it starts. */
async function trainApart(options: object): Promise<Training | { readonly error: string }> {
  const parent = join(root, "node_modules/.paperweight-test");
  mkdirSync(parent, { recursive: true });
  const outDir = mkdtempSync(join(parent, "node-"));
  await build({
    root,
    configFile: false,
    logLevel: "error",
    ssr: { resolve: { conditions: ["source"] } },
    build: { ssr: join(import.meta.dirname, "node-program.ts"), outDir, rollupOptions: { treeshake: false } },
  });
  const args = [join(outDir, "node-program.js"), JSON.stringify(options)];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { ...process.env, ...environment },
    maxBuffer: 2 ** 28,
  });
  rmSync(outDir, { recursive: true });
  return JSON.parse(stdout) as Training | { error: string };
}

describe("devices in Node", () => {
  const problems = [
    { network: "mlp", sizes: [2, 8, 1], steps: 2 },
    { network: "resnet", steps: 2 },
    { network: "transformer", steps: 2 },
  ] as const;
  it.each(problems)("webgpu trains as the CPU does: $network", { timeout: 300_000 }, async (problem) => {
    const there = await trainApart({ ...problem, device: "webgpu" });
    if ("error" in there) {
      expect(there.error).toContain("there is no GPU adapter");
      console.warn(`webgpu in Node is not tried out: ${there.error}`);
      return;
    }
    const here = await programs.train(library, problem);
    const difference = (a: readonly number[], b: readonly number[]) =>
      Math.max(...a.map((v, i) => Math.abs(v - b[i]!) / (1 + Math.abs(b[i]!))));
    expect(difference(there.losses, here.losses)).toBeLessThan(1e-3);
    expect(difference(there.weights, here.weights)).toBeLessThan(1e-3);
  });

  it.each(["cuda", "webgpu"] as const)(
    "%s is there, or an error of one line says what is missing",
    async (device) => {
      const message = await programs.refusal(library, { device });
      if (message === "none") return;
      expect(message).toMatch(new RegExp(`^ONNX Runtime cannot load the model on ${device}: `));
      expect(message).not.toMatch(/\n|onnxruntime_src/);
    },
  );
});
