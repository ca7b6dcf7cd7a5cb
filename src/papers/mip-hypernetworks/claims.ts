/** The paper's claims, judged on what a run measured. The paper's own tables could not be read: its figures are "qualitative". */
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
  type Measurement,
} from "../../experiment/claims.ts";
import { variants } from "./forms.ts";
import { gradientVariation } from "./measures.ts";
import { finals, meanAccuracy, ofForm, overMean, type Results } from "./results.ts";
import type { RotatedRun } from "./rotated.ts";
import type { TaskRun } from "./tasks.ts";
import { LOSS_THRESHOLD } from "./training.ts";

const OUT_OF_PRESET = "Its runs are left out of this preset: run the preset quick.";
const QUALITATIVE = "qualitative";
const budget = "The calibrated criteria are for 300 steps or more: run the preset quick";

type Scale = (part: "T1" | "T2" | "T3" | "T4" | "theory") => string;

export function claimsOf(r: Results, scale: Scale, steps: number): Claim[] {
  const calibrated = steps >= 300;
  return [
    proportional(r, scale("theory")),
    invariant(r, scale("theory")),
    free(r, scale("theory")),
    trap(r, scale("theory")),
    gradients(r, scale("T1")),
    faster(r, scale("T1"), calibrated),
    stepsToLearn(r, scale("T1"), calibrated, steps),
    lowRate(r, scale("T1"), calibrated),
    momentum(r, scale("T1"), calibrated),
    ablated(r, scale("T1"), calibrated),
    normalisation(r, scale("T1")),
    activations(r, scale("T1")),
    tuned(r, scale("T1")),
    accurate(r, scale("T1"), calibrated),
    counterExample(r, scale("T2")),
    otherTask(
      "C4-registration",
      "Registration with the regulariser's weight as input",
      r.registration,
      scale("T3"),
    ),
    otherTask("C4-bayes", "A Bayesian hypernetwork of digits", r.bayes, scale("T4")),
  ];
}

function proportional({ initial }: Results, scale: string): Claim {
  return claim({
    id: "C1",
    statement:
      "In a standard hypernetwork at initialisation the size of the predicted weights is proportional to its input",
    paper: "theorem",
    scale,
  }).judge(
    {
      label: "|theta(1)| / |theta(0.05)|",
      values: initial.map((i) => i.standardRatio),
      criterion: equals(20, 1e-3),
    },
    { label: "|theta(0)|", values: initial.map((i) => i.standardAtZero), criterion: equals(0, 0) },
  );
}

function invariant({ initial }: Results, scale: string): Claim {
  return claim({
    id: "C2-scale",
    statement: "With MIP the size of the predicted weights does not depend on the input",
    paper: QUALITATIVE,
    scale,
  }).judge(
    {
      label: "|theta(1)| / |theta(0.05)|",
      values: initial.map((i) => i.mipRatio),
      criterion: everySeed(between(0.8, 1.25)),
    },
    {
      label: "|h(1)| / |theta_0|",
      values: initial.map((i) => i.mipShare),
      criterion: everySeed(criterion("> 0.02", ({ mean }) => mean > 0.02)),
    },
  );
}

function free({ initial }: Results, scale: string): Claim {
  return claim({
    id: "C2-cost",
    statement: "MIP costs nothing at inference: what it predicts for a fixed input is the network itself",
    paper: QUALITATIVE,
    scale,
  }).judge({
    label: "bytes more than the network's own file",
    values: initial.map((i) => i.extraBytes),
    criterion: equals(0, 0),
  });
}

function trap({ initial }: Results, scale: string): Claim {
  return claim({
    id: "C3-trap",
    statement: "LayerNorm in the hypernetwork is no substitute: a scalar input above 0 is lost in it",
    paper: QUALITATIVE,
    scale,
  }).judge({
    label: "relative difference of the weights at 1 and 0.05",
    values: initial.map((i) => i.layerNormDifference),
    criterion: equals(0, 1e-4),
  });
}

const standardOf = (runs: readonly RotatedRun[]) => ofForm(runs, "standard");
const mipOf = (runs: readonly RotatedRun[]) => ofForm(runs, "MIP");

function gradients({ rotated }: Results, scale: string): Claim {
  const of = (runs: readonly RotatedRun[]) => runs.map((r) => gradientVariation(r.before));
  const standard = of(standardOf(rotated.main));
  return claim({
    id: "C1-gradients",
    statement: "The gradient's norm varies less over the input with MIP than in a standard hypernetwork",
    paper: QUALITATIVE,
    scale: `${scale}, before training`,
    note:
      "Even at gamma = 0 the standard form has a gradient, that of its biases. MIP starts with larger gradients everywhere; in some " +
      "initialisations they vary as much.",
  }).judge({
    label: "coefficient of variation over the standard one's",
    values: of(mipOf(rotated.main)).map((v, i) => v / standard[i]!),
    criterion: everySeed(below(1)),
  });
}

function faster({ rotated }: Results, scale: string, calibrated: boolean): Claim {
  const open = claim({
    id: "C2",
    statement: "MIP trains faster: its final loss is far below that of a standard hypernetwork (Adam)",
    paper: QUALITATIVE,
    scale,
  });
  if (!calibrated) return open.notAttempted(budget);
  return open.judge(ratio("final loss over standard", mipOf(rotated.main), standardOf(rotated.main), 0.4));
}

function ratio(label: string, a: readonly TaskRun[], b: readonly TaskRun[], bound: number): Measurement {
  return { label, values: overMean(finals(a), finals(b)), criterion: atMost(bound) };
}

function stepsToLearn({ rotated }: Results, scale: string, calibrated: boolean, steps: number): Claim {
  const standard = standardOf(rotated.main);
  const never = standard.filter((r) => r.stepsTo === null).length;
  const open = claim({
    id: "C2-steps",
    statement: `MIP reaches a loss of ${LOSS_THRESHOLD} sooner (mean of 20 steps)`,
    paper: QUALITATIVE,
    scale,
    note: `${never} of ${standard.length} standard runs never reach it; they count as ${steps} steps.`,
  });
  if (!calibrated) return open.notAttempted(budget);
  const mip = mipOf(rotated.main).map((r) => r.stepsTo ?? Number.POSITIVE_INFINITY);
  return open.judge(
    { label: "MIP's steps", values: mip, criterion: atMost(150) },
    {
      label: "standard's over MIP's",
      values: standard.map((r, i) => (r.stepsTo ?? steps) / mip[i]!),
      criterion: atLeast(1.5),
    },
  );
}

function lowRate({ rotated }: Results, scale: string, calibrated: boolean): Claim {
  const open = claim({
    id: "C2-rate",
    statement: "A lower learning rate (Adam, 3e-4) does not rescue the standard form",
    paper: null,
    scale,
  });
  if (rotated.lowRate.length === 0 || !calibrated)
    return open.notAttempted(calibrated ? OUT_OF_PRESET : budget);
  return open.judge(
    ratio("final loss over standard", mipOf(rotated.lowRate), standardOf(rotated.lowRate), 0.5),
  );
}

function momentum({ rotated }: Results, scale: string, calibrated: boolean): Claim {
  const open = claim({
    id: "C3-sgd",
    statement: "With SGD and momentum MIP learns where a standard hypernetwork stays at chance",
    paper: QUALITATIVE,
    scale,
  });
  if (rotated.sgd.length === 0 || !calibrated) return open.notAttempted(calibrated ? OUT_OF_PRESET : budget);
  return open.judge(
    { label: "MIP's final loss", values: finals(mipOf(rotated.sgd)), criterion: atMost(1.5) },
    {
      label: "standard's",
      values: finals(standardOf(rotated.sgd)),
      criterion: atLeast(2, "(chance is 2.303)"),
    },
  );
}

function ablated({ rotated }: Results, scale: string, calibrated: boolean): Claim {
  const [mip, encoding, residual] = ["MIP", "IE only", "OE only"].map((form) => ofForm(rotated.main, form));
  const open = claim({
    id: "C2-ablation",
    statement:
      "Input encoding and output residual together are better than the encoding alone, and about as good as the residual alone",
    paper: QUALITATIVE,
    scale,
    note: "Most of the gain on this task comes from the residual: from how theta_0 starts.",
  });
  if (!calibrated) return open.notAttempted(budget);
  return open.judge(
    ratio("final loss over IE only", mip!, encoding!, 1),
    ratio("over OE only", mip!, residual!, 1.6),
  );
}

function normalisation({ rotated }: Results, scale: string): Claim {
  const names = (["layer-norm", "batch-norm", "weight-norm"] as const).flatMap((v) => variants[v][0]!.name);
  const open = claim({
    id: "C3-normalisation",
    statement: "Layer, batch and weight normalisation are no substitutes for MIP",
    paper: QUALITATIVE,
    scale,
  });
  const mip = mipOf(rotated.main);
  const measured = names.flatMap((name) => {
    const theirs = ofForm(rotated.variants, name);
    const label = `final loss over ${name}`;
    return theirs.length === 0 ? [] : [ratio(label, mip.slice(0, theirs.length), theirs, 1)];
  });
  return measured.length === 0 ? open.notAttempted(OUT_OF_PRESET) : open.judge(...measured);
}

function activations({ rotated }: Results, scale: string): Claim {
  const open = claim({
    id: "C3-activation",
    statement: "The gain does not depend on the activation of the hypernetwork",
    paper: QUALITATIVE,
    scale,
  });
  const measured = ["tanh", "GELU"].flatMap((name) => {
    const [mip, standard] = ["MIP", "standard"].map((f) => ofForm(rotated.variants, `${f}, ${name}`));
    return mip!.length === 0 ? [] : [ratio(`${name}: final loss over standard`, mip!, standard!, 1)];
  });
  return measured.length === 0 ? open.notAttempted(OUT_OF_PRESET) : open.judge(...measured);
}

function tuned({ rotated }: Results, scale: string): Claim {
  const open = claim({
    id: "C2-tuned",
    statement: "MIP stays ahead where every form has its own best learning rate",
    paper: null,
    scale,
  });
  if (rotated.grid.length === 0) return open.notAttempted("Its grid of rates needs the preset full.");
  const best = (form: string, optimizer: string) =>
    Math.min(...finals(ofForm(rotated.grid, form).filter((r) => r.optimizer === optimizer)));
  return open.judge(
    ...["adam", "sgd"].map((name) => ({
      label: `${name}: best final loss over standard`,
      values: best("MIP", name) / best("standard", name),
      criterion: atMost(1),
    })),
  );
}

function accurate({ rotated }: Results, scale: string, calibrated: boolean): Claim {
  const open = claim({
    id: "C2-accuracy",
    statement: "MIP classifies digits at every angle: mean test accuracy at gamma 0, 0.25, 0.5, 0.75, 1",
    paper: null,
    scale,
  });
  if (!calibrated) return open.notAttempted(budget);
  return open.judge({ values: mipOf(rotated.main).map(meanAccuracy), criterion: atLeast(0.85) });
}

function counterExample({ sine }: Results, scale: string): Claim {
  const open = claim({
    id: "T2",
    statement:
      "On a small regressor with Adam both forms learn: MIP is not needed there (our counter-example)",
    paper: null,
    scale,
    note: "With few steps MIP is even behind.",
  });
  if (sine === null) return open.notAttempted(OUT_OF_PRESET);
  return open.judge(
    ...["standard", "MIP"].map((form) => ({
      label: `${form}'s final loss`,
      values: finals(ofForm(sine, form)),
      criterion: below(0.05),
    })),
  );
}

function otherTask(id: string, what: string, runs: readonly TaskRun[] | null, scale: string): Claim {
  const open = claim({
    id,
    statement: `${what}: MIP's final loss is below the standard one's`,
    paper: QUALITATIVE,
    scale,
  });
  if (runs === null) return open.notAttempted(OUT_OF_PRESET);
  return open.judge(ratio("final loss over standard", ofForm(runs, "MIP"), ofForm(runs, "standard"), 1));
}
