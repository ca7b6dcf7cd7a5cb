/** A project of a user's, with Paperweight installed from the source. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/**
 * A folder with these files, in which `paperweight` is the package that package.json describes: with its exports and imports, and
 * the source in the place of dist/.
 */
export function createProject(files: Readonly<Record<string, string>>): string {
  const parent = join(root, "node_modules/.paperweight-test");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "browser-"));
  const library = join(folder, "node_modules/paperweight");
  cpSync(join(root, "src"), join(library, "src"), { recursive: true });
  const manifest = readFileSync(join(root, "package.json"), "utf8");
  writeFileSync(
    join(library, "package.json"),
    manifest.replaceAll(/"\.\/dist\/([^"]*)\.js"/g, '"./src/$1.ts"'),
  );
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

export function removeProject(folder: string | undefined): void {
  if (folder !== undefined) rmSync(folder, { recursive: true });
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

export interface Site {
  readonly url: string;
  close(): unknown;
}

/** Serve a folder under a strict content security policy, not cross-origin isolated. */
export async function servePlain(folder: string): Promise<Site> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    try {
      const body = readFileSync(join(folder, pathname));
      response.writeHead(200, {
        "Content-Type": types[extname(pathname)] ?? "application/octet-stream",
        "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}
