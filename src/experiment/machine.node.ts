import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, type as osType, release, totalmem } from "node:os";
import { dirname, join } from "node:path";

export interface Versions {
  readonly paperweight: string;
  readonly "onnxruntime-node": string;
  readonly node: string;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly os: string;
}

function versionIn(file: string | URL): string {
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** The nearest package.json above a package's main file: not every package exports its own. */
function installedVersion(name: string): string {
  const require = createRequire(import.meta.url);
  try {
    for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
      try {
        return versionIn(join(folder, "package.json"));
      } catch {
        if (folder === dirname(folder)) return "unknown";
      }
    }
  } catch {
    return "not installed";
  }
}

export function versions(): Versions {
  return {
    paperweight: versionIn(new URL("../../package.json", import.meta.url)),
    "onnxruntime-node": installedVersion("onnxruntime-node"),
    node: process.version.slice(1),
  };
}

export function machine(): Machine {
  const list = cpus();
  return {
    cpu: list[0]?.model.trim() || "unknown",
    cores: list.length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    os: `${osType()} ${release()} ${process.arch}`,
  };
}
