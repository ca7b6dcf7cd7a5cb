import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { NamedBytes } from "./dataset.ts";
import { type DataFile, type DatasetName, datasetEntry, type Opened } from "./registry.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The folder that downloaded data sets are kept in: `paperweight/data` in the user's cache folder, which is
 * XDG_CACHE_HOME or ~/.cache, ~/Library/Caches on macOS, %LOCALAPPDATA% on Windows.
 */
export function cacheFolder(
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  const absolute = (path: string | undefined): string | undefined =>
    path?.startsWith("/") ? path : undefined;
  const base =
    platform === "win32"
      ? (env.LOCALAPPDATA ?? join(home, "AppData", "Local"))
      : platform === "darwin"
        ? join(home, "Library", "Caches")
        : (absolute(env.XDG_CACHE_HOME) ?? join(home, ".cache"));
  return join(base, "paperweight", "data");
}

/** Where data sets are looked for: the folder that PAPERWEIGHT_DATA names, then the cache. */
export function dataFolders(env: Environment = process.env): string[] {
  const own = env.PAPERWEIGHT_DATA;
  if (own === undefined || own === "") return [cacheFolder(env)];
  if (statSync(own, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Error(
      `PAPERWEIGHT_DATA names ${own}, which is no folder: name the folder that holds the data sets`,
    );
  }
  return [resolve(own), cacheFolder(env)];
}

/** The path of a file in the first folder that has it. */
export function locate(file: DataFile, folders: readonly string[]): string | undefined {
  return folders
    .map((folder) => join(folder, file.path))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/** Reads a file and compares its size and sha256 with what is known of it. Throws in one line that names it. */
export function readChecked(file: DataFile, path: string): Uint8Array {
  const bytes = readFileSync(path);
  const versions = [file, ...(file.also ?? [])];
  const advice = "it is damaged or another file: delete it and get it again";
  if (!versions.some((v) => v.bytes === bytes.length)) {
    const sizes = versions.map((v) => v.bytes).join(" or ");
    throw new Error(`${path}: ${bytes.length} bytes, ${sizes} are expected: ${advice}`);
  }
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (!versions.some((v) => v.sha256 === sha256)) {
    const expected = versions.map((v) => v.sha256).join(" or ");
    throw new Error(`${path}: the sha256 is ${sha256}, ${expected} is expected: ${advice}`);
  }
  return bytes;
}

/**
 * Opens a data set by its name, such as "mnist" or "uci/iris": the folder that PAPERWEIGHT_DATA names is looked in
 * first, then the cache that `paperweight data get` fills. Nothing is downloaded. Every file is checked against its
 * sha256.
 *
 * Throws, in one line, where a file is in neither folder, or is not what it should be.
 */
export async function openDataset<N extends DatasetName>(
  name: N,
  o: { readonly env?: Environment } = {},
): Promise<Opened<N>> {
  const entry = datasetEntry(name);
  const folders = dataFolders(o.env);
  const files = entry.files.map((file): NamedBytes => {
    const path = locate(file, folders);
    if (path === undefined) throw new Error(notHere(name, file, folders));
    return { name: path, bytes: readChecked(file, path) };
  });
  return entry.load(files);
}

function notHere(name: string, file: DataFile, folders: readonly string[]): string {
  const advice =
    file.urls.length > 0
      ? `paperweight data get ${name} downloads it`
      : "it has no public address: put it in the folder that PAPERWEIGHT_DATA names";
  return `${name}: ${file.path} is not in ${folders.join(" nor in ")}: ${advice}`;
}
