/** A point on a line: how far along, the value there and its slope. */
export interface LinePoint {
  readonly at: number;
  readonly value: number;
  readonly slope: number;
}

const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
const MAX_EVALUATIONS = 40;

/**
 * A point that fulfils the strong Wolfe conditions with c1 = 1e-4 and c2 = 0.9 (Nocedal and Wright, "Numerical Optimization",
 * 2nd edition, algorithms 3.5 and 3.6). `start` is the point at 0, where the slope is negative. Where the precision of the
 * values allows no such point: the lowest one found, undefined where none is lower than the start.
 */
export async function wolfeSearch<P extends LinePoint>(
  evaluate: (at: number) => Promise<P>,
  start: LinePoint,
  first: number,
): Promise<P | undefined> {
  let left = MAX_EVALUATIONS;
  let best: P | undefined;
  const look = async (at: number): Promise<P> => {
    left--;
    const point = await evaluate(at);
    if (enough(point, start) && (best === undefined || point.value < best.value)) best = point;
    return point;
  };

  let before: LinePoint = start;
  for (let at = first; left > 0; at *= 2) {
    const point = await look(at);
    if (!enough(point, start) || (before !== start && point.value >= before.value))
      return (await zoom(before, point)) ?? best;
    if (flat(point, start)) return point;
    if (point.slope >= 0) return (await zoom(point, before)) ?? best;
    before = point;
  }
  return best;

  /** Between `low`, which has enough decrease, and `high`, toward which the value falls at first, lies a point to accept. */
  async function zoom(from: LinePoint, to: LinePoint): Promise<P | undefined> {
    let [low, high] = [from, to];
    while (left > 0 && Math.abs(high.at - low.at) > 1e-15 * Math.max(1, Math.abs(low.at))) {
      const point = await look(between(low, high));
      if (!enough(point, start) || point.value >= low.value) {
        high = point;
        continue;
      }
      if (flat(point, start)) return point;
      if (point.slope * (high.at - low.at) >= 0) high = low;
      low = point;
    }
    return undefined;
  }
}

function enough(point: LinePoint, start: LinePoint): boolean {
  return (
    point.value <= start.value + SUFFICIENT_DECREASE * point.at * start.slope && point.value < start.value
  );
}

function flat(point: LinePoint, start: LinePoint): boolean {
  return Math.abs(point.slope) <= -CURVATURE * start.slope;
}

/** The minimum of the cubic through both points (eq. 3.59), kept off the ends; the middle where there is none. */
function between(a: LinePoint, b: LinePoint): number {
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.at - b.at);
  const d2 = Math.sign(b.at - a.at) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  const cubic = b.at - (b.at - a.at) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2));
  const [least, most] = [Math.min(a.at, b.at), Math.max(a.at, b.at)];
  const margin = 0.1 * (most - least);
  if (!Number.isFinite(cubic)) return (least + most) / 2;
  return Math.min(Math.max(cubic, least + margin), most - margin);
}
