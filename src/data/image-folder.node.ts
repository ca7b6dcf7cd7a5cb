import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Dataset } from "./dataset.ts";
import { readImageFolder } from "./images.ts";

/**
 * Opens a folder that holds a folder of PNG pictures for each class. Other files in those folders are an error, files
 * that begin with a dot are passed over. See `readImageFolder`.
 */
export async function openImageFolder(path: string): Promise<Dataset> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Error(`${path} is no folder: name one that holds a folder of PNG pictures for each class`);
  }
  const shown = (folder: string): string[] => readdirSync(folder).filter((name) => !name.startsWith("."));
  const classes = shown(path).filter((name) => statSync(join(path, name)).isDirectory());
  const files = classes.flatMap((name) =>
    shown(join(path, name)).map((picture) => `${path}/${name}/${picture}`),
  );
  return readImageFolder(files.map((name) => ({ name, bytes: readFileSync(name) })));
}
