/** The paper's claims, judged on what a run measured. The paper's figures are from memory, its tables were not at hand. */
import { Matrix } from "ml-matrix";
import {
  atLeast,
  atMost,
  below,
  between,
  type Claim,
  claim,
  criterion,
  equals,
  everySeed,
} from "../../experiment/claims.ts";
import * as random from "../../tensor/random.ts";
import type { Results } from "./results.ts";
import { bestOf, meanOf } from "./results.ts";
import type { TaskResult } from "./studies.ts";
import { gatesAt, theoremError } from "./theory.ts";

const OUT_OF_PRESET = "It is left out of this preset: run the preset full.";

export function claimsOf(r: Results, scale: { readonly ridge: string; readonly digits: string }): Claim[] {
  return [
    ridgeOptimum(r, scale.ridge),
    ridgeSlope(r, scale.ridge),
    theorem(),
    size(r, scale.digits),
    freeze(r, scale.digits),
    movement(r, scale.digits),
    scales(r, scale.digits),
    overSearch(r, scale.digits),
    overFrozen(r, scale.digits),
    overOthers(r, scale.digits),
    schedule(r, scale.digits),
    onTask(
      "C4-CIFAR",
      "CIFAR-10, small CNN",
      "AlexNet-like: STN 0.575 / 0.576, best other 0.636 / 0.651 (validation / test loss; from memory)",
      r.cifar,
    ),
    onTask(
      "C4-text",
      "character model, output dropout",
      "PTB: STN 82.58 / 79.02, fixed 85.83 / 83.19 (validation / test perplexity; from memory)",
      r.text,
    ),
  ];
}

function ridgeOptimum({ ridge: { runs } }: Results, scale: string): Claim {
  return claim({
    id: "C1",
    statement:
      "One run with gradient steps on the hyperparameter ends at the optimum (ridge regression, where it is known)",
    paper: "qualitative",
    scale,
  }).judge(
    {
      label: "|lambda - lambda*|",
      values: runs.map((x) => Math.abs(x.lambda - x.optimum)),
      criterion: everySeed(atMost(0.6)),
    },
    {
      label: "validation loss over the minimum",
      values: runs.map((x) => x.loss / x.optimumLoss),
      criterion: everySeed(atMost(1.02)),
    },
    {
      label: "validation loss over that at the start",
      values: runs.map((x) => x.loss / x.startLoss),
      criterion: everySeed(below(1)),
    },
  );
}

function ridgeSlope({ ridge: { runs } }: Results, scale: string): Claim {
  return claim({
    id: "C1-slope",
    statement: "The gate learns the derivative of the best response, dw*/dlambda",
    paper: "theorem, for a quadratic loss and an affine response",
    scale,
  }).judge(
    {
      label: "cosine with the truth",
      values: runs.map((x) => x.cosine),
      criterion: everySeed(atLeast(0.9)),
    },
    {
      label: "norm over that of the truth",
      values: runs.map((x) => x.normRatio),
      criterion: everySeed(between(0.6, 1.4)),
    },
  );
}

function theorem(): Claim {
  const draw = (key: number, columns: number) =>
    Matrix.from1DArray(
      20,
      columns,
      Array.from(random.normal(random.key(key), [20, columns], "float64").data as Float64Array),
    );
  const [x, t] = [draw(0, 5), draw(1, 1)];
  const [strong, weak] = gatesAt([2, 1], 0) as [number, number];
  return claim({
    id: "C2-theorem",
    statement: "The best response of a linear network is a sigmoid gate on its hidden units",
    paper: "theorem",
    scale: "closed form: random X 20 x 5, lambda -2, 0, 3",
  }).judge(
    {
      label: "difference to ridge regression",
      values: theoremError(x, t, [-2, 0, 3]),
      criterion: equals(0, 1e-8),
    },
    { label: "gate for d = 2, lambda = 0", values: strong, criterion: equals(0.8, 1e-12) },
    { label: "gate for d = 1, lambda = 0", values: weak, criterion: equals(0.5, 1e-12) },
  );
}

function size({ digits }: Results, scale: string): Claim {
  return claim({
    id: "C2-size",
    statement: "The response costs about twice the parameters",
    paper: "about 2",
    scale,
  }).judge({
    label: "parameters over those of the ordinary network",
    values: digits[0]!.parameters.tuned / digits[0]!.parameters.plain,
    criterion: between(2, 2.2),
  });
}

function freeze({ frozenDifference }: Results, scale: string): Claim {
  return claim({
    id: "C2-freeze",
    statement: "At a given lambda the tuned network is an ordinary one, at no extra cost",
    paper: "by construction",
    scale,
  }).judge({
    label: "largest difference of the logits",
    values: frozenDifference,
    criterion: equals(0, 1e-4),
  });
}

/** How many hyperparameters end above this value, and how many must. */
const MOVED = { above: 0.15, count: 2 };

function movement({ digits }: Results, scale: string): Claim {
  return claim({
    id: "C3",
    statement: "Dropout rates and input noise, in which the training loss is not differentiable, are tuned",
    paper: "qualitative",
    scale,
    note: digits.map((d, i) => `Seed ${i}: ${inWords(d.stn.values)}.`).join(" "),
  }).judge({
    label: "hyperparameters of 4 that end above 0.15, from 0.05",
    values: digits.map(({ stn }) => Object.values(stn.values).filter((v) => v > MOVED.above).length),
    criterion: everySeed(atLeast(MOVED.count)),
  });
}

function inWords(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, v]) => `${name} ${v.toFixed(2)}`)
    .join(", ");
}

function scales({ digits }: Results, scale: string): Claim {
  const all = digits.map(({ stn }) => stn.schedule.flatMap((row) => Object.values(row.scales)));
  return claim({
    id: "C3-scales",
    statement: "The entropy term keeps the scales of the perturbation from vanishing and from growing",
    paper: "qualitative",
    scale,
  }).judge(
    { label: "smallest", values: all.map((s) => Math.min(...s)), criterion: everySeed(atLeast(0.05)) },
    { label: "largest", values: all.map((s) => Math.max(...s)), criterion: everySeed(atMost(1)) },
  );
}

function overSearch({ digits }: Results, scale: string): Claim {
  const best = digits.map(({ stn }) => stn.bestValid);
  const random = meanOf(digits.map((d) => bestOf(d.random)!.bestValid));
  const untuned = meanOf(digits.map((d) => d.fixed.bestValid));
  const wins = digits.filter((d) => d.stn.bestValid <= bestOf(d.random)!.bestValid).length;
  return claim({
    id: "C4",
    statement: "It beats random search at a similar budget, and the untuned network stopped at its best",
    paper:
      "PTB 70.30 against 84.81 (validation perplexity), CIFAR-10 0.575 against 0.921 (loss), from memory",
    scale,
    note: `On the mean over seeds, as it is judged; it beats random search on ${wins} of ${digits.length} seeds.`,
  }).judge(
    {
      label: "best validation loss, against random search",
      values: best,
      criterion: atMost(random, `(random search's best of ${digits[0]!.random.length})`),
    },
    {
      label: "and against the early-stopped untuned network",
      values: best,
      criterion: atMost(untuned, "(untuned)"),
    },
  );
}

function overFrozen({ digits }: Results, scale: string): Claim {
  return claim({
    id: "C4-frozen",
    statement: "It is the tuning, not the gates: without hyperparameter steps the same network overfits",
    paper: "qualitative",
    scale,
  }).judge({
    label: "final validation loss over that with lambda frozen",
    values: digits.map((d) => d.stn.finalValid / d.frozen.finalValid),
    criterion: everySeed(atMost(0.5)),
  });
}

function overOthers({ digits }: Results, scale: string): Claim {
  const open = claim({
    id: "C4-searches",
    statement: "It beats grid search and Bayesian optimisation",
    paper: "PTB 70.30 against 97.32 and 72.13, CIFAR-10 0.575 against 0.794 and 0.636, from memory",
    scale,
  });
  const best = digits.map(({ stn }) => stn.bestValid);
  const of = (name: "grid" | "bayes") =>
    digits.every((d) => d[name].length > 0)
      ? meanOf(digits.map((d) => bestOf(d[name])!.bestValid))
      : undefined;
  const [grid, bayes] = [of("grid"), of("bayes")];
  if (grid === undefined || bayes === undefined) return open.notAttempted(OUT_OF_PRESET);
  return open.judge(
    { label: "best validation loss, against grid search", values: best, criterion: atMost(grid) },
    { label: "and against Bayesian optimisation", values: best, criterion: atMost(bayes) },
  );
}

function schedule({ digits }: Results, scale: string): Claim {
  const open = claim({
    id: "C4-schedule",
    statement: "The schedule itself is better than its final values: it helps an ordinary network too",
    paper: "PTB, validation perplexity: with the schedule 82.87, final value fixed 89.65 (from memory)",
    scale,
  });
  if (digits.some((d) => d.schedules.length === 0)) return open.notAttempted(OUT_OF_PRESET);
  const of = (start: string) =>
    digits.map((d) => d.schedules.find((s) => s.name.startsWith(start))!.bestValid);
  return open.judge({
    label: "best validation loss with the schedule",
    values: of("schedule"),
    criterion: below(meanOf(of("final")), "(final values fixed)"),
  });
}

function onTask(id: string, what: string, paper: string, result: TaskResult | null): Claim {
  const open = claim({ id, statement: `It beats every search on this task: ${what}`, paper, scale: "full" });
  if (result === null) return open.notAttempted(OUT_OF_PRESET);
  const searched = bestOf([...result.random, ...result.bayes])!;
  return open.judge(
    { label: "best validation loss", values: result.stn.bestValid, criterion: atMost(searched.bestValid) },
    {
      label: "test loss there over that of the best search",
      values: result.stn.testAtBest / searched.testAtBest,
      criterion: criterion("≤ 1", ({ mean }) => mean <= 1),
    },
  );
}
