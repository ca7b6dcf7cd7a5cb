/** A project of a user's, with Paperweight installed from the source. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, extname, join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "../..");

/** Its folder. The package has the exports and imports of package.json, with each file of dist/ replaced by its source. */
export function createProject(files: Readonly<Record<string, string>>): string {
  const parent = join(root, "node_modules/.paperweight-test");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "browser-"));
  const library = join(folder, "node_modules/paperweight");
  cpSync(join(root, "src"), join(library, "src"), { recursive: true });
  writeFileSync(join(library, "package.json"), fromSource(readFileSync(join(root, "package.json"), "utf8")));
  for (const [name, text] of Object.entries({ "package.json": '{ "type": "module" }', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function fromSource(manifest: string): string {
  return manifest.replaceAll(/"\.\/dist\/([^"]*)\.js"/g, '"./src/$1.ts"');
}

export function removeProject(folder: string | undefined): void {
  if (folder !== undefined) rmSync(folder, { recursive: true });
}

/** Bundle its pages with Vite, without any configuration, into `dist`. */
export async function bundle(folder: string): Promise<void> {
  await build({ root: folder, configFile: false, logLevel: "error", build: { target: "es2022", minify: false, reportCompressedSize: false } });
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

export interface Site {
  readonly url: string;
  close(): void;
}

/** Serve a folder under a strict content security policy, cross-origin isolated or not. */
export async function serve(folder: string, { isolated }: { readonly isolated: boolean }): Promise<Site> {
  const server = createServer((request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname.replace(/\/$/, "/index.html");
    if (path === "/favicon.ico") {
      response.writeHead(204).end();
      return;
    }
    try {
      const body = readFileSync(join(folder, path));
      response.writeHead(200, { "Content-Type": types[extname(path)] ?? "application/octet-stream", ...headers(isolated) });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return { url: await listen(server), close: () => server.close() };
}

function headers(isolated: boolean): Record<string, string> {
  return {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
    ...(isolated && {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    }),
  };
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve(`http://localhost:${(server.address() as AddressInfo).port}/`)),
  );
}
