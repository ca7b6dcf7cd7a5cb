/** Shapes are lists of sizes, outermost first; a scalar's is []. */
export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const d of shape) size *= d;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Elements between two neighbours along each axis, in a contiguous row-major array. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** NumPy's broadcast shape, or undefined where the shapes do not fit. */
export function broadcastShapes(...shapes: readonly Shape[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const lead = rank - shape.length;
    for (let i = 0; i < shape.length; i++) {
      const d = shape[i]!;
      const at = lead + i;
      if (out[at] === 1) out[at] = d;
      else if (d !== 1 && d !== out[at]) return undefined;
    }
  }
  return out;
}

/** An axis counted from the end (negative) as one counted from the front. Throws a RangeError where there is none. */
export function normalAxis(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || at < 0 || at >= rank) {
    throw new RangeError(
      rank === 0
        ? `axis ${axis} of a scalar: a scalar has no axes`
        : `axis ${axis} is outside a shape of ${rank} axes: use ${-rank} to ${rank - 1}`,
    );
  }
  return at;
}

export function normalAxes(axes: readonly number[] | number | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : [...axes]).map((a) => normalAxis(a, rank));
  const sorted = list.sort((a, b) => a - b);
  const twice = sorted.find((a, i) => a === sorted[i - 1]);
  if (twice !== undefined) throw new RangeError(`axis ${twice} is named twice`);
  return sorted;
}
