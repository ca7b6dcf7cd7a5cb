/**
 * Functions that ONNX Runtime's CPU provider does not have in float64, made of those that it has. Relative errors are a few
 * units in the last place, near 0 too, unless a comment says otherwise.
 */
import { where } from "../tensor/operators/elementwise.ts";
import { scalar } from "../tensor/operators/rules.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A polynomial, the highest coefficient first. */
function polynomial(x: Tensor, [highest, next, ...rest]: readonly number[]): Tensor {
  return rest.reduce((sum, c) => sum.mul(x).add(c), x.mul(highest!).add(next!));
}

/** An odd function from its values for x >= 0. */
function odd(x: Tensor, f: (magnitude: Tensor) => Tensor): Tensor {
  const value = f(x.abs());
  return where(x.less(0), value.neg(), value);
}

const EXACT_INTEGERS = 2 ** 53;

/** log(1 + u) for u >= 0, with what rounding 1 + u lost put back. */
export function log1p(u: Tensor): Tensor {
  const w = u.add(1);
  return where(u.greater(EXACT_INTEGERS), u.log(), w.log().add(u.sub(w.sub(1)).div(w)));
}

/** exp(x) - 1, by tanh(x / 2) = (exp(x) - 1) / (exp(x) + 1). */
export function expm1(x: Tensor): Tensor {
  const e = x.exp();
  return where(x.greater(1), e.sub(1), x.mul(0.5).tanh().mul(e.add(1)));
}

/** Its error grows toward the poles, with that of cos: 1e-16 / |cos x|. */
export function tan(x: Tensor): Tensor {
  return x.sin().div(x.cos());
}

const ATAN_SERIES = Array.from({ length: 13 }, (_, i) => ((12 - i) % 2 === 0 ? 1 : -1) / (2 * (12 - i) + 1));

/** The angle is halved twice, atan(r) = 2 atan(r / (1 + sqrt(1 + r^2))), so that few terms of the series do. */
export function atan(x: Tensor): Tensor {
  return odd(x, (a) => {
    const steep = a.greater(1);
    const half = (r: Tensor) => r.div(r.square().add(1).sqrt().add(1));
    const t = half(half(where(steep, a.reciprocal(), a)));
    const angle = t.mul(4).mul(polynomial(t.square(), ATAN_SERIES));
    return where(steep, angle.neg().add(Math.PI / 2), angle);
  });
}

export function asin(x: Tensor): Tensor {
  return atan(x.div(x.neg().add(1).mul(x.add(1)).sqrt()));
}

export function acos(x: Tensor): Tensor {
  return atan(x.neg().add(1).div(x.add(1)).sqrt()).mul(2);
}

/** Through exp(x / 2), which does not overflow before the result does. */
export function cosh(x: Tensor): Tensor {
  const root = x.abs().mul(0.5).exp();
  return root.mul(0.5).mul(root).add(root.reciprocal().mul(0.5).div(root));
}

export function sinh(x: Tensor): Tensor {
  return x.tanh().mul(cosh(x));
}

/** Where x^2 is lost beside 1 or would overflow, asinh(x) is log(2x). */
export function asinh(x: Tensor): Tensor {
  return odd(x, (a) => {
    const square = a.square();
    const near = log1p(a.add(square.div(square.add(1).sqrt().add(1))));
    return where(a.greater(1e8), a.log().add(Math.LN2), near);
  });
}

export function acosh(x: Tensor): Tensor {
  const t = x.sub(1);
  const near = log1p(t.add(t.sqrt().mul(t.add(2).sqrt())));
  return where(x.greater(1e8), x.log().add(Math.LN2), near);
}

export function atanh(x: Tensor): Tensor {
  return odd(x, (a) => log1p(a.mul(2).div(a.neg().add(1))).mul(0.5));
}

/** 1 / (1 + exp(-x)), small values too: ONNX Runtime's own is 0 below -37. */
export function sigmoid(x: Tensor): Tensor {
  const e = x.abs().neg().exp();
  return where(x.less(0), e, scalar(1, x)).div(e.add(1));
}

/** Stable: max(x, 0) + log(1 + exp(-|x|)). */
export function softplus(x: Tensor): Tensor {
  return x.relu().add(log1p(x.abs().neg().exp()));
}

// W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969): erf for |x| <= 1/2, and
// exp(x^2) erfc(x) beyond.
const ERF_TOP = [
  0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694,
];
const ERF_BOTTOM = [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171];
const ERFC_TOP = [
  2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001,
  881.952221241769, 1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
];
const ERFC_BOTTOM = [
  1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
  4362.619090143247, 3439.3676741437216, 1230.3393548037495,
];

/** Beyond 6, erf is 1 to the last place. */
export function erf(x: Tensor): Tensor {
  return odd(x, (magnitude) => {
    const a = magnitude.minimum(6);
    const square = a.square();
    const small = a.mul(polynomial(square, ERF_TOP)).div(polynomial(square, ERF_BOTTOM));
    const tail = polynomial(a, ERFC_TOP).div(polynomial(a, ERFC_BOTTOM)).mul(square.neg().exp());
    return where(a.greater(0.5), tail.neg().add(1), small);
  });
}

/** x times the normal distribution function. */
export function gelu(x: Tensor): Tensor {
  return erf(x.mul(Math.SQRT1_2)).add(1).mul(x).mul(0.5);
}

/** The tanh approximation of Hendrycks and Gimpel, Gaussian error linear units (2016), section 2. */
export function geluTanh(x: Tensor): Tensor {
  const inner = x.square().mul(0.044715).add(1).mul(x);
  return inner
    .mul(Math.sqrt(2 / Math.PI))
    .tanh()
    .add(1)
    .mul(x)
    .mul(0.5);
}
