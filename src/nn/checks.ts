/** Throws where one of these options is no whole number from 1. */
export function checkSizes(who: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`${who}: ${name} is ${size}: use a whole number from 1`);
  }
}

/** Throws unless `size` splits into `parts` equal parts. */
export function checkSplits(who: string, name: string, size: number, parts: number, of: string): void {
  if (size % parts === 0) return;
  throw new RangeError(
    `${who}: ${name} is ${size}, which does not split into ${parts} ${of}: use a multiple`,
  );
}

/** Throws unless this is 0 or more, and below 1. */
export function checkRate(who: string, name: string, rate: number): void {
  if (!(rate >= 0 && rate < 1))
    throw new RangeError(`${who}: ${name} is ${rate}: use 0 up to, not including, 1`);
}
