/** Every program in a README runs as it stands, against the built package. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
// Inside the package, so that its own name resolves to it.
const folder = join(root, "dist", "readme-programs");
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function programsOf(path: string): string[] {
  const text = readFileSync(join(root, path), "utf8");
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((m) => m[1]!);
}

const papers = readdirSync(join(root, "src/papers"), { withFileTypes: true }).filter((f) => f.isDirectory());
const files = [
  "README.md",
  "docs/parametrizations.md",
  "docs/training.md",
  ...papers.map(({ name }) => `src/papers/${name}/README.md`),
];

describe.each(files)("%s", (path) => {
  const programs = programsOf(path);

  it("has a program", () => {
    expect(programs.length).toBeGreaterThan(0);
  });

  it.each(programs.map((program, i) => [i + 1, program] as const))(
    "program %i runs and prints",
    async (i, program) => {
      const file = join(folder, `${path.replaceAll("/", "-")}-${i}.mjs`);
      writeFileSync(file, program);
      const { stdout } = await promisify(execFile)("node", [file], { cwd: folder });
      expect(stdout.trim()).not.toBe("");
    },
  );
});
