import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Claim, Figure } from "../experiment/claims.ts";
import type { Run } from "../experiment/run-folder.node.ts";

export interface Difference {
  readonly key: string;
  readonly a: unknown;
  readonly b: unknown;
}

export interface ComparedClaim {
  readonly id: string;
  readonly statement: string;
  readonly a: { readonly ours: Figure | null; readonly verdict: Claim["verdict"] } | null;
  readonly b: { readonly ours: Figure | null; readonly verdict: Claim["verdict"] } | null;
  /** b's mean over a's, where both have one. */
  readonly ratio: number | null;
}

export interface Comparison {
  readonly settings: readonly Difference[];
  readonly claims: readonly ComparedClaim[];
  /** Result and model files that are not byte for byte the same, or stand on one side only. */
  readonly differingFiles: readonly string[];
  readonly comparedFiles: number;
  readonly identical: boolean;
}

/** Two runs side by side: settings that differ, claims by id, files by their bytes. */
export async function compareRuns(a: Run, b: Run): Promise<Comparison> {
  const names = [...new Set([...compared(a), ...compared(b)])].sort();
  const differing: string[] = [];
  for (const name of names) {
    const [x, y] = await Promise.all([hashOf(a, name), hashOf(b, name)]);
    if (x === undefined || x !== y) differing.push(name);
  }
  return {
    settings: settingsOf(a, b),
    claims: claimsOf(a, b),
    differingFiles: differing,
    comparedFiles: names.length,
    identical: differing.length === 0 && names.length > 0,
  };
}

/** The files that the same seed, settings and versions give bit for bit. */
function compared(run: Run): string[] {
  return run.files
    .map((f) => f.name)
    .filter((name) => !["run.json", "report.html", "metrics.jsonl"].includes(name));
}

async function hashOf(run: Run, name: string): Promise<string | undefined> {
  if (!run.files.some((f) => f.name === name)) return undefined;
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(join(run.path, name))) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function settingsOf(a: Run, b: Run): Difference[] {
  const flat = (run: Run): Map<string, unknown> => {
    const { paper, preset, seed, device, versions, machine } = run.record;
    return new Map(
      flatten({ paper, preset, seed, device, config: run.config, versions, machine: machine.cpu }, ""),
    );
  };
  const [x, y] = [flat(a), flat(b)];
  const keys = [...new Set([...x.keys(), ...y.keys()])];
  const differ = keys.filter((k) => JSON.stringify(x.get(k)) !== JSON.stringify(y.get(k)));
  return differ.map((key) => ({
    key: key.replace(/^config\./, ""),
    a: x.get(key) ?? null,
    b: y.get(key) ?? null,
  }));
}

function flatten(value: unknown, prefix: string): [string, unknown][] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[prefix, value]];
  return Object.entries(value).flatMap(([k, v]) => flatten(v, prefix === "" ? k : `${prefix}.${k}`));
}

function claimsOf(a: Run, b: Run): ComparedClaim[] {
  const [x, y] = [a, b].map((r) => new Map((r.result?.claims ?? []).map((c) => [c.id, c]))) as [
    Map<string, Claim>,
    Map<string, Claim>,
  ];
  const side = (c: Claim | undefined) => (c === undefined ? null : { ours: c.ours, verdict: c.verdict });
  return [...new Set([...x.keys(), ...y.keys()])].map((id) => {
    const [p, q] = [x.get(id), y.get(id)];
    const both = p?.ours != null && q?.ours != null && p.ours.mean !== 0;
    return {
      id,
      statement: (p ?? q)!.statement,
      a: side(p),
      b: side(q),
      ratio: both ? q.ours!.mean / p.ours!.mean : null,
    };
  });
}
