import { join } from "node:path";
import { cacheFolder, dataFolders, type Environment, locate, readChecked } from "./cache.node.ts";
import { type DownloadOptions, download } from "./download.node.ts";
import { type DataFile, type DatasetEntry, type DatasetName, datasetEntry } from "./registry.ts";

export interface GetOptions extends Omit<DownloadOptions, "onProgress"> {
  readonly env?: Environment;
  onProgress?(file: DataFile, received: number, total: number): void;
  /** The data set itself, for one that is not in the registry. */
  readonly entry?: DatasetEntry<unknown>;
}

/** Where a file lies, and whether it was downloaded just now. */
export interface GotFile {
  readonly path: string;
  readonly downloaded: boolean;
}

/**
 * Downloads what is missing of a data set into the user's cache folder. Files that are there, in the folder that
 * PAPERWEIGHT_DATA names or in the cache, are checked and kept. Throws, in one line, for a file that is there and
 * damaged, and where a download fails.
 */
export async function getDataset(name: DatasetName, o: GetOptions = {}): Promise<GotFile[]> {
  const { files } = o.entry ?? datasetEntry(name);
  const folders = dataFolders(o.env);
  const got: GotFile[] = [];
  for (const file of files) {
    const present = locate(file, folders);
    if (present !== undefined) readChecked(file, present);
    const path = present ?? join(cacheFolder(o.env), file.path);
    if (present === undefined) {
      await download(file, path, {
        ...o,
        onProgress: (received, total) => o.onProgress?.(file, received, total),
      });
    }
    got.push({ path, downloaded: present === undefined });
  }
  return got;
}
