/** Models from the file system, with the files that they keep beside them. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { type ImportedModel, type ImportOptions, importModel } from "./import.ts";
import { quoted } from "./raw.ts";
import type { ReadExternal } from "./tensors.ts";

/** The model in an ONNX file; weights that it stores in other files are read from its own folder and those below it. */
export function openModel(path: string, options: Omit<ImportOptions, "readExternal"> = {}): ImportedModel {
  return importModel(readFileSync(path), { ...options, readExternal: readBeside(path) });
}

/** Reads ranges of files in a model's folder. Throws one line for what lies outside of it, symbolic links resolved. */
function readBeside(path: string): ReadExternal {
  const folder = realpathSync(dirname(path));
  return ({ location, offset, length }) => {
    const what = `external data ${quoted(location)}`;
    const file = realOf(join(folder, location), what);
    if (!file.startsWith(folder.endsWith(sep) ? folder : folder + sep))
      throw new Error(`${what}: it lies outside of the model's folder: move the file there`);
    const handle = openSync(file, "r");
    try {
      const stat = fstatSync(handle);
      if (!stat.isFile()) throw new Error(`${what}: it is no regular file`);
      if (offset + length > stat.size)
        throw new Error(
          `${what}: bytes ${offset} to ${offset + length} are wanted, the file has ${stat.size}`,
        );
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const read = readSync(handle, bytes, at, Math.min(length - at, 2 ** 30), offset + at);
        if (read === 0) throw new Error(`${what}: the file became shorter while it was read`);
        at += read;
      }
      return bytes;
    } finally {
      closeSync(handle);
    }
  };
}

function realOf(path: string, what: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new Error(`${what}: there is no such file in the model's folder: keep it beside the model`);
  }
}
