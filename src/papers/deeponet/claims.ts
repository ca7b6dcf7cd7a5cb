/** The paper's claims, judged on what a run measured. Criteria and figures are those of the reading notes in README.md. */
import {
  above,
  atLeast,
  atMost,
  type Claim,
  claim,
  criterion,
  equals,
  everySeed,
  type Measurement,
} from "../../experiment/claims.ts";
import { generalisationRatio, pointAt, type Results } from "./results.ts";
import { grfInterpolationStd } from "./sensor-theory.ts";
import type { DiffusionPoint, Outcome, SweepPoint } from "./studies.ts";

const OUT_OF_PRESET = "Its study is left out of this preset: run the preset quick.";

const test = (o: readonly Outcome[]) => o.map((x) => x.testMse);

export function claimsOf(r: Results, scale: (study: string) => string): Claim[] {
  return [
    generalises(r, scale("antiderivative")),
    overFnn(r, scale("antiderivative")),
    stackedGap(r, scale("variants")),
    unstackedBiasIsBest(r, scale("variants")),
    nonlinear(r, scale("nonlinear")),
    horizon(r, scale("horizon")),
    convergence(r, scale("sizes")),
    sensors(r, scale("sensors")),
    interpolation(scale("theory")),
    diffusion(r, scale("diffusion")),
    diffusionFigure(r, scale("diffusion")),
  ];
}

function generalises({ antiderivative: a }: Results, scale: string): Claim {
  return claim({
    id: "C1",
    statement: "DeepONet learns the antiderivative operator: it is accurate on functions it never saw",
    paper: "test MSE 9.27e-7 with 10 000 training triples and 50 000 iterations",
    scale,
  }).judge({ label: "test MSE", values: test(a.deepONet), criterion: atMost(5e-4) });
}

function overFnn({ antiderivative: a, diffusion: d }: Results, scale: string): Claim {
  const ratios: Measurement[] = [
    {
      label: "test MSE over the FNN's, antiderivative",
      values: a.deepONet.map((o, i) => o.testMse / a.fnn[i]!.testMse),
      criterion: atMost(0.2),
    },
    {
      label: "FNN's test/train ratio over DeepONet's",
      values: a.fnn.map((f, i) => generalisationRatio(f) / generalisationRatio(a.deepONet[i]!)),
      criterion: everySeed(above(1)),
    },
  ];
  const last = d?.points.at(-1);
  if (d && last) {
    ratios.push({
      label: "test MSE over the FNN's, diffusion-reaction",
      values: [last.testMse / d.fnn.testMse],
      criterion: atMost(0.2),
    });
  }
  return claim({
    id: "C1-FNN",
    statement: "It generalises far better than a fully connected net on the concatenated input",
    paper: "qualitative",
    scale,
  }).judge(...ratios);
}

function variantOf({ antiderivative: a }: Results, name: string): readonly Outcome[] | undefined {
  return a.variants.find((v) => v.name === name)?.outcomes;
}

function stackedGap(r: Results, scale: string): Claim {
  const open = claim({
    id: "C2",
    statement: "A stacked net has the larger gap between training and test error than an unstacked one",
    paper: "qualitative",
    scale,
  });
  const [unstacked, stacked] = [variantOf(r, "unstacked, bias"), variantOf(r, "stacked, bias")];
  if (unstacked === undefined || stacked === undefined) return open.notAttempted(OUT_OF_PRESET);
  return open.judge({
    label: "stacked test/train ratio over unstacked",
    values: stacked.map((s, i) => generalisationRatio(s) / generalisationRatio(unstacked[i]!)),
    criterion: everySeed(above(1)),
  });
}

function unstackedBiasIsBest(r: Results, scale: string): Claim {
  const open = claim({
    id: "C2-best",
    statement: "Unstacked with bias has the smallest test error of the four variants",
    paper: "qualitative",
    scale,
  });
  const best = variantOf(r, "unstacked, bias");
  if (best === undefined) return open.notAttempted(OUT_OF_PRESET);
  const others = r.antiderivative.variants.filter((v) => v.outcomes !== best);
  return open.judge(
    ...others.map((v) => ({
      label: `test MSE over that of ${v.name}`,
      values: best.map((o, i) => o.testMse / v.outcomes[i]!.testMse),
      criterion: atMost(1),
    })),
  );
}

function nonlinear({ nonlinear: n }: Results, scale: string): Claim {
  const open = claim({
    id: "C3",
    statement: "It learns s' = -s^2 + u, whose solutions may explode, without the worst 0.1 % of test points",
    paper: "plot only",
    scale,
    ...(n
      ? {
          note: `${n.rejected.count} functions (${(100 * n.rejected.fraction).toFixed(2)} %) were rejected because |s| passed 20.`,
        }
      : {}),
  });
  if (n === null) return open.notAttempted(OUT_OF_PRESET);
  return open.judge(
    { label: "trimmed MSE", values: n.deepONet.trimmedMse, criterion: atMost(1e-2) },
    { label: "over the FNN's", values: n.deepONet.trimmedMse / n.fnn.trimmedMse, criterion: atMost(0.6) },
  );
}

function horizon({ horizon: points }: Results, scale: string): Claim {
  const open = claim({
    id: "C4",
    statement: "Pendulum: the error grows exponentially with the prediction horizon T",
    paper: "MSE grows like 8^T",
    scale,
  });
  if (points === null) return open.notAttempted(OUT_OF_PRESET);
  const steps = points.slice(1).map((p, i) => ({ from: points[i]!, to: p }));
  return open.judge(
    ...steps.map(({ from, to }) => ({
      label: `MSE(T=${to.at}) / MSE(T=${from.at})`,
      values: to.testMse / from.testMse,
      criterion: atLeast(4),
    })),
  );
}

function ratio(
  points: readonly SweepPoint[],
  few: number,
  many: number,
  what: string,
  least: number,
): Measurement[] {
  const [a, b] = [pointAt(points, few), pointAt(points, many)];
  if (a === undefined || b === undefined) return [];
  return [
    {
      label: `MSE(${what}=${few}) / MSE(${what}=${many})`,
      values: a.testMse / b.testMse,
      criterion: atLeast(least),
    },
  ];
}

function convergence({ sizes: points }: Results, scale: string): Claim {
  const open = claim({
    id: "C5",
    statement: "Pendulum: the error falls at high order in the number n of training triples, fast at first",
    paper: "exponential, then polynomial of order 0.5 to 4",
    scale,
  });
  if (points === null) return open.notAttempted(OUT_OF_PRESET);
  const measured = [...ratio(points, 125, 500, "n", 5), ...ratio(points, 250, 2000, "n", 4)];
  if (measured.length > 0) return open.judge(...measured);
  const [first, last] = [points[0]!, points.at(-1)!];
  return open.judge({
    label: "order of MSE in n",
    values: Math.log(first.testMse / last.testMse) / Math.log(last.at / first.at),
    criterion: atLeast(0.5),
  });
}

function sensors({ sensors: points }: Results, scale: string): Claim {
  const open = claim({
    id: "C6",
    statement: "Pendulum: the error falls with the number m of sensors as u is seen better, then saturates",
    paper: "m of order 1/l and sqrt(T) is enough",
    scale,
  });
  if (points === null) return open.notAttempted(OUT_OF_PRESET);
  const saturated = [pointAt(points, 20), pointAt(points, 10)];
  const end: Measurement[] =
    saturated[0] && saturated[1]
      ? [
          {
            label: "MSE(m=20) / MSE(m=10)",
            values: saturated[0].testMse / saturated[1].testMse,
            criterion: atMost(5),
          },
        ]
      : [];
  return open.judge(...ratio(points, 2, 10, "m", 200), ...end);
}

function interpolation(scale: string): Claim {
  const std = (sensors: number) => grfInterpolationStd({ sensors, lengthScale: 0.2 });
  return claim({
    id: "C6-theory",
    statement: "The interpolation error of a random function at m sensors is of order 1/(m^2 l^2)",
    paper: "theorem",
    scale,
  }).judge(
    { label: "std at m = 11, l = 0.2", values: std(11), criterion: equals(0.0527445, 1e-6) },
    {
      label: "log-log slope from 40 to 160 intervals",
      values: Math.log(std(161) / std(41)) / Math.log(4),
      criterion: equals(-2, 0.02),
    },
  );
}

function diffusionPoint(points: readonly DiffusionPoint[], functions: number, queries: number) {
  return points.find((p) => p.functions === functions && p.queries === queries);
}

function diffusion({ diffusion: d }: Results, scale: string): Claim {
  const open = claim({
    id: "C7",
    statement:
      "Diffusion-reaction: the error falls with the number of functions n_u and of points P for each",
    paper: "plot only",
    scale,
  });
  const [base, fewer, more] = [
    [50, 100],
    [50, 20],
    [150, 100],
  ].map(([n, p]) => d && diffusionPoint(d.points, n!, p!));
  if (!base || !fewer || !more)
    return open.notAttempted(
      d === null ? OUT_OF_PRESET : "The training sets that it compares are not in this preset.",
    );
  return open.judge(
    { label: "MSE(50, P=100) / MSE(50, P=20)", values: base.testMse / fewer.testMse, criterion: atMost(0.8) },
    { label: "MSE(150, 100) / MSE(50, 100)", values: more.testMse / base.testMse, criterion: atMost(0.7) },
  );
}

function diffusionFigure({ diffusion: d }: Results, scale: string): Claim {
  const open = claim({
    id: "C7-1e-5",
    statement: "Diffusion-reaction: 100 functions with 1000 points each give a test MSE of about 1e-5",
    paper: "about 1e-5",
    scale,
  });
  const point = d && diffusionPoint(d.points, 100, 1000);
  if (!point) {
    const best = d && Math.min(...d.points.map((p) => p.testMse));
    return open.notAttempted(
      `Needs the preset full${best ? `; the best of this run's smaller sets has ${best.toExponential(1)}` : ""}.`,
    );
  }
  return open.judge({ values: point.testMse, criterion: criterion("≤ 3e-5", ({ mean }) => mean <= 3e-5) });
}
