/** `count` equispaced points from `start` to `stop`, both included exactly; one point is `start`. */
export function linspace(start: number, stop: number, count: number): Float64Array {
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`linspace: ${count} is no number of points: use a whole number from 1`);
  }
  const points = new Float64Array(count);
  const last = count - 1;
  for (let i = 0; i < last; i++) points[i] = start + ((stop - start) * i) / last;
  points[last] = last === 0 ? start : stop;
  return points;
}

/**
 * Linear interpolation from samples on `grid` (ascending) to fixed `points`: the cells and weights are found once, so that
 * each call costs one multiplication a point. Throws where a point lies outside the grid: nothing is extrapolated.
 */
export function linearInterpolator(
  grid: Float64Array,
  points: Float64Array,
): (values: Float64Array, out?: Float64Array) => Float64Array {
  const cells = new Uint32Array(points.length);
  const weights = new Float64Array(points.length);
  points.forEach((x, k) => {
    const cell = cellOf(grid, x);
    cells[k] = cell;
    weights[k] = weightIn(grid, cell, x);
  });
  return (values, out = new Float64Array(points.length)) => {
    checkLength(grid, values);
    for (let k = 0; k < cells.length; k++) {
      const a = values[cells[k]!]!;
      const w = weights[k]!;
      out[k] = w === 0 ? a : a + w * (values[cells[k]! + 1]! - a);
    }
    return out;
  };
}

/** The piecewise-linear function through samples on `grid` (ascending); throws outside the grid. */
export function piecewiseLinear(grid: Float64Array, values: Float64Array): (x: number) => number {
  checkLength(grid, values);
  return (x) => {
    const cell = cellOf(grid, x);
    const w = weightIn(grid, cell, x);
    const a = values[cell]!;
    return w === 0 ? a : a + w * (values[cell + 1]! - a);
  };
}

function checkLength(grid: Float64Array, values: Float64Array): void {
  if (values.length !== grid.length) {
    throw new RangeError(
      `interpolate: the grid has ${grid.length} points, the values are ${values.length}: give one value a point`,
    );
  }
}

/** The last cell whose left end is not above x. */
function cellOf(grid: Float64Array, x: number): number {
  const last = grid.length - 1;
  if (!(x >= grid[0]! && x <= grid[last]!)) {
    throw new RangeError(
      `interpolate: ${x} lies outside the grid [${grid[0]}, ${grid[last]}]: use points inside it`,
    );
  }
  let low = 0;
  let high = last;
  while (high > low) {
    const middle = (low + high + 1) >> 1;
    if (grid[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

function weightIn(grid: Float64Array, cell: number, x: number): number {
  return x === grid[cell] ? 0 : (x - grid[cell]!) / (grid[cell + 1]! - grid[cell]!);
}
