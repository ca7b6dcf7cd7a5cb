/**
 * The bound on max |s - s_m| over an interval of this length (the sensor theory of Lu et al. 2019; Gronwall):
 * c length kappa exp(c length), for s' = g(s, u, x) with g Lipschitz with constant c in s and in u, and `kappa` a bound on
 * max |u - u_m|, u_m the piecewise-linear interpolant of u at the sensors.
 */
export function sensorErrorBound(o: { lipschitz: number; length: number; kappa: number }): number {
  return o.lipschitz * o.length * o.kappa * Math.exp(o.lipschitz * o.length);
}

/**
 * The standard deviation, half way between two of `sensors` equispaced sensors (2 or more) on [0, length] (1), of a Gaussian
 * random field with an RBF kernel minus its linear interpolant there. O(1 / (sensors lengthScale)^2).
 */
export function grfInterpolationStd(o: { sensors: number; lengthScale: number; length?: number }): number {
  const { sensors, lengthScale, length = 1 } = o;
  if (!Number.isInteger(sensors) || sensors < 2) {
    throw new RangeError(
      `grfInterpolationStd: ${sensors} sensors: interpolation takes a whole number from 2`,
    );
  }
  const h = length / (sensors - 1);
  // 1 + (1 + rho(h)) / 2 - 2 rho(h / 2) with rho(h / 2) = 1 + e and rho(h) = (1 + e)^4: free of cancellation
  const e = Math.expm1(-0.125 * (h / lengthScale) ** 2);
  return -e * Math.sqrt(3 + 2 * e + 0.5 * e * e);
}

/** Var s(y) of s(y), the integral over [0, y] of a Gaussian random field with an RBF kernel. */
export function antiderivativeVariance(o: { lengthScale: number; y: number }): number {
  const { mass, decay } = kernelIntegral(o.lengthScale, o.y);
  return 2 * (o.y * mass - o.lengthScale ** 2 * (1 - decay));
}

/** The mean squared error of predicting 0 for the antiderivative: Var s(y), averaged over y in [0, length] (1). */
export function trivialAntiderivativeMse(o: { lengthScale: number; length?: number }): number {
  const { lengthScale: l, length = 1 } = o;
  const { mass, decay } = kernelIntegral(l, length);
  return mass * (length + (l * l) / length) - l * l * (2 - decay);
}

/** The integral of exp(-t^2 / (2 l^2)) over [0, y], and the kernel's value at y. */
function kernelIntegral(l: number, y: number): { mass: number; decay: number } {
  return {
    mass: l * Math.sqrt(Math.PI / 2) * erf(y / (l * Math.SQRT2)),
    decay: Math.exp(-(y * y) / (2 * l * l)),
  };
}

/** For x >= 0: the series in exp(-x^2) x^(2n+1) 2^n / (2n+1)!!, whose terms are all positive. */
function erf(x: number): number {
  if (x > 6) return 1;
  let term = x;
  let sum = x;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
