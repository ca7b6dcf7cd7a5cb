import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { codeOf, fileError } from "./files.node.ts";

/**
 * One process at a time works in a run folder. The lock is the file `.lock-<n>` with the highest n. A lock whose process died is
 * taken over by creating `.lock-<n+1>`, which only one of several contenders can.
 */
export function lockFolder(folder: string): { release(): void } {
  const held = locksIn(folder);
  const last = held.at(-1) ?? 0;
  if (last > 0) refuseIfAlive(join(folder, `.lock-${last}`));
  const path = join(folder, `.lock-${last + 1}`);
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: "wx" });
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw new Error(`${folder} was just taken up by another process`);
    throw fileError("write", path, error);
  }
  for (const n of held) rmSync(join(folder, `.lock-${n}`), { force: true });
  return { release: () => rmSync(path, { force: true }) };
}

function locksIn(folder: string): number[] {
  const numbers = readdirSync(folder).flatMap((f) => /^\.lock-(\d+)$/.exec(f)?.[1] ?? []);
  return numbers.map(Number).sort((a, b) => a - b);
}

function refuseIfAlive(path: string): void {
  const owner = ownerOf(path);
  if (owner === undefined) return;
  const here = owner.host === hostname();
  if (here && !isAlive(owner.pid)) return;
  const who = here ? `process ${owner.pid}` : `process ${owner.pid} on ${owner.host}`;
  throw new Error(
    `this run is in the hands of ${who}: wait for it, or delete ${path} if that process is gone`,
  );
}

/** The process that works in this run folder, if one does. */
export function workerOf(folder: string): number | undefined {
  const last = locksIn(folder).at(-1);
  const owner = last === undefined ? undefined : ownerOf(join(folder, `.lock-${last}`));
  return owner !== undefined && (owner.host !== hostname() || isAlive(owner.pid)) ? owner.pid : undefined;
}

function ownerOf(path: string): { pid: number; host: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as { pid: number; host: string };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}
