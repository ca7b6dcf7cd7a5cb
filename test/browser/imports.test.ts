import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./project.ts";

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, string>;
  imports: Record<string, Record<string, string>>;
};

/** The source of a file in dist/. */
const sourceOf = (built: string) => join(root, built.replace("./dist/", "src/").replace(/\.js$/, ".ts"));

/** What a module imports when it runs, dynamic imports included, types not. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const pattern = /^(?:import|export) (?!type )(?:[^"';]*? from )?"([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...text.matchAll(pattern)].map(([, fixed, dynamic]) => (fixed ?? dynamic)!);
}

/** What a page cannot load of all that a module reaches under the condition "browser": the ways there. */
function unloadable(entry: string): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const walk = (file: string, way: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const name of importsOf(file)) {
      const here = `${way} > ${name}`;
      const outside = !/^[.#]/.test(name);
      const target = name.startsWith("#")
        ? sourceOf(manifest.imports[name]!.browser!)
        : join(file, "..", name);
      if (
        outside
          ? /^(node:|onnxruntime-node)/.test(name) || builtinModules.includes(name)
          : /\.node\.ts$/.test(target)
      )
        found.push(here);
      else if (!outside) walk(target, here);
    }
  };
  walk(entry, relative(root, entry));
  return found;
}

/** But for what is Node's by its name. */
const entries = Object.values(manifest.exports)
  .filter((built) => !/[*]|\.node\.js$/.test(built))
  .map(sourceOf)
  .filter((file) => existsSync(file))
  .map((file) => relative(root, file));

describe("what a page imports", () => {
  it.each(entries)("%s leads to nothing of Node's", (entry) => {
    expect(unloadable(join(root, entry))).toEqual([]);
  });

  it("finds what is Node's, at any distance", () => {
    expect(unloadable(join(root, "src/runtime/backend.node.ts"))).toEqual([
      "src/runtime/backend.node.ts > node:os",
      "src/runtime/backend.node.ts > onnxruntime-node",
    ]);
    expect(unloadable(join(root, "src/cli/main.ts")).some((way) => way.split(" > ").length > 2)).toBe(true);
  });

  it("sees the ONNX Runtime of the browser behind #backend", () => {
    expect(importsOf(sourceOf(manifest.imports["#backend"]!.browser!))).toEqual(
      expect.arrayContaining(["onnxruntime-common", "onnxruntime-web", "onnxruntime-web/wasm"]),
    );
  });
});
