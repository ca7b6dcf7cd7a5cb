/** The paper's claims, judged on what a run measured. Criteria were set before measuring. */
import {
  above,
  atLeast,
  atMost,
  between,
  type Claim,
  claim,
  type Measurement,
} from "../../experiment/claims.ts";
import type { TowerPoint, TrainedNet } from "./digit-study.ts";
import type { KernelKind } from "./kernel-study.ts";
import { meanOf, type Results, rmseAt, rmseSlope, towerAt, tunedAt } from "./results.ts";

const OUT_OF_PRESET = "Its study is left out of this preset: run the preset quick.";

export function claimsOf(r: Results, scale: (study: string) => string): Claim[] {
  return [
    rate(r, scale("kernels")),
    error(r, scale("kernels")),
    orthogonalRows(r, scale("kernels")),
    conversion(r, scale("conversion")),
    closedFormDigits(r, scale("digits")),
    moreFeatures(r, scale("digits")),
    closedFormRegression(r, scale("friedman")),
    adapters(r, scale("transfer")),
    adapterMatters(r, scale("transfer")),
  ];
}

function rate(r: Results, scale: string): Claim {
  return claim({
    id: "URF-rate",
    statement: "The error of the random features falls like 1 / sqrt(m)",
    paper: "theorem",
    scale,
    note: `Gaussian: slope ${rmseSlope(r, "gaussian").toFixed(2)}, reported only: its frequencies are unbounded and the estimate has heavy tails.`,
  }).judge(
    ...(["cos", "sin", "exp", "relu"] as const).map((kind) => ({
      label: `log-log slope of the RMSE, ${kind}`,
      values: rmseSlope(r, kind),
      criterion: between(-0.6, -0.4),
    })),
  );
}

function error(r: Results, scale: string): Claim {
  const open = claim({
    id: "URF",
    statement: "With 4,096 random features the kernels are estimated closely",
    paper: "qualitative",
    scale,
  });
  const at = (kind: KernelKind, most: number): Measurement[] => {
    const value = rmseAt(r, kind, 4096, false);
    return value === undefined ? [] : [{ label: `RMSE, ${kind}`, values: value, criterion: atMost(most) }];
  };
  const measured = [...at("cos", 0.03), ...at("sin", 0.03), ...at("relu", 0.008)];
  return measured.length === 0
    ? open.notAttempted("This preset has fewer than 4,096 features: run the preset quick.")
    : open.judge(...measured);
}

function orthogonalRows(r: Results, scale: string): Claim {
  const open = claim({
    id: "URF-orthogonal",
    statement: "Orthogonal rows are at least as accurate as independent ones",
    paper: "qualitative",
    scale,
  });
  const measured = (["cos", "sin", "exp", "relu"] as const).flatMap((kind): Measurement[] => {
    const [ours, theirs] = [rmseAt(r, kind, 4096, true), rmseAt(r, kind, 4096, false)];
    return ours === undefined || theirs === undefined
      ? []
      : [
          {
            label: `RMSE over that of independent rows, ${kind}`,
            values: ours / theirs,
            criterion: atMost(1.05),
          },
        ];
  });
  return measured.length === 0
    ? open.notAttempted("This preset has fewer than 4,096 features: run the preset quick.")
    : open.judge(...measured);
}

function conversion({ conversion: points }: Results, scale: string): Claim {
  const open = claim({
    id: "replacement",
    statement: "A trained layer can be replaced by its features without retraining, better with more of them",
    paper: "qualitative",
    scale,
  });
  const most = points?.find((p) => p.features === 16_384);
  if (!points || !most) return open.notAttempted(OUT_OF_PRESET);
  const steps = points.slice(1).map((p, i) => meanOf(p.values) - meanOf(points[i]!.values));
  return open.judge(
    { label: "R2 at 16,384 features", values: most.values, criterion: atLeast(0.9) },
    {
      label: "least rise of R2 from one number of features to the next",
      values: Math.min(...steps),
      criterion: above(0),
    },
  );
}

const accuracies = (p: TowerPoint | undefined): number[] => (p ? p.solved.map((s) => s.value) : []);

function closedFormDigits(r: Results, scale: string): Claim {
  const open = claim({
    id: "bundling",
    statement:
      "A fully bundled net classifies well by its closed form alone, with fewer trainables than an MLP",
    paper: "qualitative",
    scale,
    note: mlpNote(r.digits.nets),
  });
  const measured = (
    [
      [1, 256, 0.97],
      [2, 256, 0.96],
      [1, 64, 0.85],
    ] as const
  ).flatMap(([layers, features, least]): Measurement[] => {
    const values = accuracies(towerAt(r.digits.towers, layers, features));
    return values.length === 0
      ? []
      : [
          {
            label: `accuracy, ${layers} feature layer${layers > 1 ? "s" : ""} of ${features}`,
            values,
            criterion: atLeast(least),
          },
        ];
  });
  return measured.length === 0 ? open.notAttempted(OUT_OF_PRESET) : open.judge(...measured);
}

function mlpNote(nets: readonly TrainedNet[]): string | undefined {
  if (nets.length === 0) return undefined;
  const list = nets.map((n) => `${n.name}: ${meanOf(n.values).toFixed(3)} with ${n.trainables} trainables`);
  return `By Adam: ${list.join("; ")}. The closed form of 256 features trains 2560. Frozen rows, from a seed, are not counted.`;
}

function moreFeatures({ digits }: Results, scale: string): Claim {
  const open = claim({
    id: "bundling-features",
    statement: "The accuracy of the closed form rises with the number of features",
    paper: "qualitative",
    scale,
  });
  const rises = [1, 2].flatMap((layers): Measurement[] => {
    const points = digits.towers.filter((t) => t.layers === layers && t.features >= 16 && t.features <= 256);
    if (points.length < 2) return [];
    const steps = points.slice(1).map((p, i) => meanOf(accuracies(p)) - meanOf(accuracies(points[i])));
    return [
      {
        label: `least rise from m = 16 to 256, ${layers} layers`,
        values: Math.min(...steps),
        criterion: above(0),
      },
    ];
  });
  return rises.length === 0 ? open.notAttempted(OUT_OF_PRESET) : open.judge(...rises);
}

function closedFormRegression({ friedman: f }: Results, scale: string): Claim {
  const open = claim({
    id: "bundling-regression",
    statement: "The closed form regresses better than a linear model and as well as an MLP",
    paper: "qualitative",
    scale,
  });
  const [one, two] = [1, 2].map((layers) => f && towerAt(f.towers, layers, 1024));
  if (!f || !one || !two) return open.notAttempted(OUT_OF_PRESET);
  const less = (others: readonly number[]) => accuracies(one).map((v, i) => v - others[i]!);
  return open.judge(
    { label: "R2, one layer of 1,024", values: accuracies(one), criterion: atLeast(0.84) },
    { label: "less the linear model's", values: less(f.linear), criterion: atLeast(0.08) },
    { label: "less the MLP's", values: less(f.mlp), criterion: atLeast(-0.05) },
    { label: "R2, two layers of 1,024", values: accuracies(two), criterion: atLeast(0.83) },
  );
}

function adapters({ transfer: t }: Results, scale: string): Claim {
  const stated = {
    id: "adapters",
    statement:
      "SNNK adapters train up to 5 times fewer parameters than ordinary adapters at competitive accuracy",
    paper: "up to 5x (abstract)",
    scale,
  };
  const [ours, large] = [t && tunedAt(t, "snnk"), t && tunedAt(t, 32)];
  if (!t || !ours || !large) return claim(stated).notAttempted(OUT_OF_PRESET);
  const smaller = t.tuned.filter(
    ({ tuning: x }) => typeof x === "object" && "bottleneck" in x && x.bottleneck < 32,
  );
  const list = smaller.map(
    (n) => `${n.name}: ${meanOf(n.values).toFixed(3)} with ${n.trainables} trainables`,
  );
  const note =
    list.length === 0
      ? undefined
      : `The factor is relative to r = 32 only; smaller ordinary adapters do well too. ${list.join("; ")}; ${ours.name}: ${meanOf(ours.values).toFixed(3)} with ${ours.trainables}.`;
  return claim({ ...stated, note }).judge(
    {
      label: "accuracy less that of a bottleneck of 32",
      values: ours.values.map((v, i) => v - large.values[i]!),
      criterion: atLeast(-0.03),
    },
    {
      label: "times fewer trainables",
      values: large.trainables / ours.trainables,
      criterion: atLeast(5),
    },
  );
}

function adapterMatters({ transfer: t }: Results, scale: string): Claim {
  const open = claim({
    id: "adapters-head",
    statement: "An SNNK adapter learns what a head alone cannot",
    paper: "qualitative",
    scale,
  });
  const [ours, head] = [t && tunedAt(t, "snnk"), t && tunedAt(t, "head")];
  if (!ours || !head) return open.notAttempted(OUT_OF_PRESET);
  return open.judge({
    label: "accuracy less the head's alone",
    values: ours.values.map((v, i) => v - head.values[i]!),
    criterion: atLeast(0.03),
  });
}
