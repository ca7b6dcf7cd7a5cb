import { dataFolders, locate } from "../data/cache.node.ts";
import { type GotFile, getDataset } from "../data/get.node.ts";
import { type DataFile, type DatasetName, datasetEntry, datasetNames } from "../data/registry.ts";
import { UsageError } from "../experiment/errors.ts";
import { formatBytes } from "../experiment/format.ts";
import { nearest } from "../experiment/nearest.ts";
import { cut, pad, paint, textTable } from "../report/text.ts";
import { exitCodes } from "./exit-codes.ts";
import { shortPath } from "./find-run.ts";
import { type Io, styleOf } from "./io.ts";
import { drawBar } from "./progress.ts";

const redrawMs = 100;

/** `paperweight data list`: a line a data set, and where its files are. */
export async function dataList(io: Io, { json }: { json?: boolean }): Promise<number> {
  const folders = dataFolders(io.env);
  const rows = datasetNames.map((name) => {
    const { title, licence, page, files } = datasetEntry(name);
    const paths = files.map((file) => locate(file, folders) ?? null);
    return {
      name,
      title,
      licence,
      page,
      bytes: sizeOf(files),
      here: paths.every((path) => path !== null),
      downloadable: files.every((file) => file.urls.length > 0),
      files: files.map((file, i) => ({
        path: file.path,
        bytes: file.bytes,
        sha256: file.sha256,
        at: paths[i]!,
      })),
    };
  });
  if (json === true) {
    io.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return exitCodes.done;
  }
  const columns = [
    { title: "data set", ink: "bold" },
    { title: "what", flex: true },
    { title: "size" },
    { title: "where" },
  ] as const;
  const state = (r: (typeof rows)[number]): string =>
    r.here ? "here" : r.downloadable ? "download" : "by hand";
  const cells = rows.map((r) => [r.name, r.title, formatBytes(r.bytes), state(r)]);
  const style = styleOf(io, io.stdout);
  const foot = paint(
    style,
    "dim",
    `here: in ${folders.join(" or ")}; download: paperweight data get <data set>`,
  );
  io.stdout.write(`${textTable(columns, cells, style)}\n\n${foot}\n`);
  return exitCodes.done;
}

/** `paperweight data get <name>`. An interrupt keeps what has come so far. */
export async function dataGet(
  io: Io,
  name: string,
  { json, quiet }: { json?: boolean; quiet?: boolean },
): Promise<number> {
  const known = nameOf(name);
  const controller = new AbortController();
  const stopListening = io.onInterrupt(() => controller.abort(new Interrupted(known)));
  const silent = json === true || quiet === true;
  const bar = silent ? undefined : new DownloadLine(io);
  try {
    const got = await getDataset(known, {
      env: io.env,
      signal: controller.signal,
      onProgress: (file, received, total) => bar?.update(file, received, total),
    });
    bar?.clear();
    if (json === true) io.stdout.write(`${JSON.stringify({ name: known, files: got }, null, 2)}\n`);
    else if (quiet !== true) io.stdout.write(`${summary(io, known, got)}\n`);
    return exitCodes.done;
  } finally {
    bar?.clear();
    stopListening();
  }
}

class Interrupted extends Error {
  readonly exitCode = exitCodes.interrupted;

  constructor(name: string) {
    super(`interrupted; go on with: paperweight data get ${name}`);
  }
}

function nameOf(name: string): DatasetName {
  const found = datasetNames.find((known) => known === name);
  if (found !== undefined) return found;
  const near = nearest(name, datasetNames);
  const hint = near === undefined ? "paperweight data list shows what there is" : `did you mean ${near}?`;
  throw new UsageError(`there is no data set "${name}": ${hint}`);
}

function summary(io: Io, name: DatasetName, got: readonly GotFile[]): string {
  const style = styleOf(io, io.stdout);
  const { licence, citation } = datasetEntry(name);
  const verb = got.some((file) => file.downloaded) ? "downloaded" : "is here already";
  const lines = got.map(({ path }) => paint(style, "dim", `  ${shortPath(path, io.cwd)}`));
  const about = paint(style, "dim", `licence: ${licence}; cite ${citation}`);
  return [`${paint(style, "green", "✓")} ${name} ${verb}`, ...lines, about].join("\n");
}

function sizeOf(files: readonly DataFile[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

/** The progress of a download on stderr: on a terminal a bar that is redrawn, elsewhere a line a file. */
class DownloadLine {
  private readonly io: Io;
  private readonly now: () => number;
  private file: DataFile | undefined;
  private since = 0;
  private before = 0;
  private drawn = Number.NEGATIVE_INFINITY;
  private dirty = false;

  constructor(io: Io, now: () => number = () => performance.now()) {
    this.io = io;
    this.now = now;
  }

  update(file: DataFile, received: number, total: number): void {
    const { stderr } = this.io;
    if (this.file !== file) {
      [this.file, this.since, this.before] = [file, this.now(), received];
      if (!stderr.isTTY) stderr.write(`downloading ${file.path}, ${formatBytes(total)}\n`);
    }
    if (!stderr.isTTY || (this.now() - this.drawn < redrawMs && received < total)) return;
    this.drawn = this.now();
    const rate = (received - this.before) / Math.max(0.001, (this.now() - this.since) / 1000);
    const label = file.path.slice(file.path.lastIndexOf("/") + 1);
    const text = `  ${label}  ${drawBar(received / total, 20)}  ${pad(formatBytes(received), 7, "right")} of ${formatBytes(total)}  ${formatBytes(rate)}/s`;
    stderr.write(`\r\u001b[2K${cut(text, Math.max(20, stderr.columns - 1))}`);
    this.dirty = true;
  }

  clear(): void {
    if (this.dirty) this.io.stderr.write("\r\u001b[2K");
    this.dirty = false;
  }
}
