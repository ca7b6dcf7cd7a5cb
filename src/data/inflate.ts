import { Inflate } from "fflate";

/** Deflate cannot do better than 1032 to 1. */
const bestRatio = 1032;
const chunk = 16_384;

/**
 * Inflates raw deflate data into memory of exactly the size that its content has. `sizeFrom` is shown the first bytes
 * until it returns that size: no memory is allocated before, none beyond it, and none where so few bytes cannot hold
 * it. Throws, in one line that starts with `what`, for data that is damaged, ends early or goes on.
 */
export function inflateExactly(
  deflated: Uint8Array,
  what: string,
  sizeFrom: (start: Uint8Array) => number | undefined,
): Uint8Array<ArrayBuffer> {
  let start = new Uint8Array(0);
  let out: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  const inflater = new Inflate((piece) => {
    if (out === undefined) {
      start = joined(start, piece);
      const size = sizeFrom(start);
      if (size === undefined) return;
      out = allocate(size, deflated.length, what);
      piece = start;
    }
    if (filled + piece.length > out.length)
      throw damaged(what, `it inflates beyond the ${out.length} bytes of its header`);
    out.set(piece, filled);
    filled += piece.length;
  });
  push(inflater, deflated, what);
  if (out === undefined) throw damaged(what, `it ends inside its header, after ${start.length} bytes`);
  if (filled < out.length) throw damaged(what, `it ends early, after ${filled} of ${out.length} bytes`);
  return out;
}

/** Throws where `packed` bytes of deflate data cannot hold `size` bytes. */
export function checkRatio(size: number, packed: number, what: string): void {
  if (size > packed * bestRatio)
    throw damaged(what, `${packed} bytes cannot hold the ${size} that it claims`);
}

export function damaged(what: string, why: string): RangeError {
  return new RangeError(`${what}: damaged: ${why}: copy or save the file again`);
}

function push(inflater: Inflate, deflated: Uint8Array, what: string): void {
  try {
    for (let at = 0; at < deflated.length; at += chunk) {
      inflater.push(deflated.subarray(at, at + chunk), at + chunk >= deflated.length);
    }
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw error;
    const message = (error as Error).message;
    throw damaged(
      what,
      message === "unexpected EOF" ? "it is cut short" : `it does not inflate (${message})`,
    );
  }
}

function allocate(size: number, packed: number, what: string): Uint8Array<ArrayBuffer> {
  checkRatio(size, packed, what);
  return new Uint8Array(size);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
