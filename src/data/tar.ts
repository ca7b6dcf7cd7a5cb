import type { NamedBytes } from "./dataset.ts";
import { damaged } from "./inflate.ts";

const block = 512;

/**
 * The regular files of a tar archive (ustar; old GNU and pax archives as far as names of 100 characters or fewer go),
 * as views of its bytes. Throws, in one line that starts with `what`, where a header's checksum does not match or a
 * file ends beyond the archive.
 */
export function readTar(bytes: Uint8Array, what: string): NamedBytes[] {
  const files: NamedBytes[] = [];
  let at = 0;
  while (at + block <= bytes.length && bytes[at] !== 0) {
    const header = bytes.subarray(at, at + block);
    if (checksum(header) !== octal(header, 148, 8))
      throw damaged(what, `the tar header at byte ${at} does not match its checksum`);
    const name = text(header, 0, 100);
    const size = octal(header, 124, 12);
    const start = at + block;
    if (!(start + size <= bytes.length)) throw damaged(what, `"${name}" ends beyond the archive`);
    const kind = header[156];
    if (kind === 0x30 || kind === 0) files.push({ name, bytes: bytes.subarray(start, start + size) });
    at = start + Math.ceil(size / block) * block;
  }
  if (files.length === 0) throw damaged(what, "it holds no files, or is no tar archive");
  return files;
}

function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < block; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!;
  return sum;
}

function text(header: Uint8Array, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function octal(header: Uint8Array, at: number, length: number): number {
  const digits = text(header, at, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}
