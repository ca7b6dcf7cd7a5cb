import { existsSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { UsageError } from "../experiment/errors.ts";
import { nearest } from "../experiment/nearest.ts";

/** Ids of the runs in a folder, oldest first. */
export function runIds(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const folders = readdirSync(folder, { withFileTypes: true })
    .filter((f) => f.isDirectory())
    .map((f) => f.name);
  return folders.filter((name) => existsSync(join(folder, name, "run.json"))).sort();
}

/** The folder of a run named by its path, by its id in ./runs, or as `latest`. */
export function findRun(name: string, cwd: string): string {
  const runs = join(cwd, "runs");
  const ids = runIds(runs);
  if (name === "latest") {
    const last = ids.at(-1);
    if (last === undefined)
      throw new UsageError("there is no run in ./runs yet: make one with paperweight run");
    return join(runs, last);
  }
  const path = resolve(cwd, name);
  if (existsSync(join(path, "run.json"))) return path;
  if (ids.includes(name)) return join(runs, name);
  if (existsSync(path)) throw new UsageError(`${name} is no run folder: it has no run.json`);
  const near = nearest(name, ids);
  const hint = near === undefined ? "name a run folder, an id in ./runs, or latest" : `did you mean ${near}?`;
  throw new UsageError(`there is no run "${name}": ${hint}`);
}

/** A path as short as it can be written from here. */
export function shortPath(path: string, cwd: string): string {
  const inside = relative(cwd, path);
  return inside === "" ? "." : inside.startsWith("..") ? path : inside;
}
