/** The claims, judged on what a run measured. "Reported" figures come from a public summary of the paper. */
import {
  atLeast,
  atMost,
  between,
  type Claim,
  type Criterion,
  claim,
  type Measurement,
} from "../../experiment/claims.ts";
import { type FamilyResult, meanOf } from "./evaluation.ts";
import { correlation, familyName, finalLoss, type Results } from "./results.ts";

const OUT_OF_PRESET = "Left out of this preset.";

/** One measurement for each architecture, a figure for each seed. */
function perFamily(
  { seeds }: Results,
  label: string,
  measure: (f: FamilyResult) => number,
  criterion: Criterion,
): Measurement[] {
  return seeds[0]!.families.map((family, i) => ({
    label: `${label} ${familyName(family)}`,
    values: seeds.map((s) => measure(s.families[i]!)),
    criterion,
  }));
}

const generated = (f: FamilyResult) => meanOf(f.accuracy.autoregressive);
const warm = (f: FamilyResult) => meanOf(f.accuracy["autoregressive, temperature 1"]);

export function claimsOf(r: Results, scale: string): Claim[] {
  return [
    tokens(r, scale),
    usable(r, scale),
    conditioned(r, scale),
    coherent(r, scale),
    floor(r, scale),
    likelihood(r, scale),
    stages(r, scale),
    codes(r, scale),
    startingPoints(r, scale),
    mnist(r),
    ...notAttempted(scale),
  ];
}

function tokens(r: Results, scale: string): Claim {
  return claim({
    id: "C1",
    statement: "Tokens keep what weights do: nets rebuilt from tokens classify like the trained ones",
    paper: "reconstruction within 0.01-0.03 points of the pretrained accuracy (reported)",
    scale,
  }).judge(
    ...perFamily(r, "rebuilt", (f) => meanOf(f.reconstruction), atLeast(0.9)),
    ...perFamily(r, "zoo", (f) => meanOf(f.zoo), atLeast(0.97)),
  );
}

function usable(r: Results, scale: string): Claim {
  const pearson = r.seeds.map(correlation);
  return claim({
    id: "C2",
    statement: "Generated weights work without any training, for every task and architecture of the zoo",
    paper:
      "mean accuracy 93.74 generated, 93.76 pretrained; Pearson r 0.9999 (reported, 19 architectures, CIFAR-10)",
    scale,
    note: `Pearson r of generated and zoo accuracy over tasks and architectures: ${pearson.map((v) => v.toFixed(2)).join(", ")}; the zoo's accuracies lie within a few hundredths of each other here.`,
  }).judge(
    ...perFamily(r, "generated", generated, atLeast(0.88)),
    ...perFamily(r, "less rebuilt", (f) => generated(f) - meanOf(f.reconstruction), atLeast(-0.06)),
  );
}

function conditioned(r: Results, scale: string): Claim {
  return claim({
    id: "C3",
    statement: "Generation follows its condition: with another task's, nets fail on the task",
    paper: "qualitative",
    scale,
  }).judge(...perFamily(r, "accuracy", (f) => meanOf(f.accuracy["wrong condition"]), atMost(0.65)));
}

function coherent(r: Results, scale: string): Claim {
  return claim({
    id: "C4",
    statement: "Tokens drawn one after another fit together; drawn independently, they do not",
    paper: "qualitative",
    scale,
  }).judge(
    ...perFamily(r, "over factorised", (f) => warm(f) - meanOf(f.accuracy.factorised), atLeast(0.12)),
    ...perFamily(
      r,
      "over near-argmax factorised",
      (f) => warm(f) - meanOf(f.accuracy["factorised, temperature 0.05"]),
      atLeast(0.08),
    ),
  );
}

function floor(r: Results, scale: string): Claim {
  return claim({
    id: "C5",
    statement: "Random first weights know nothing of the task",
    paper: "about 10 % with ten classes (reported)",
    scale,
  }).judge(
    ...perFamily(r, "accuracy", (f) => meanOf(f.accuracy["random first weights"]), between(0.35, 0.65)),
  );
}

function likelihood({ seeds }: Results, scale: string): Claim {
  return claim({
    id: "C6",
    statement: "The prior learns the zoo's tokens, nats per token; independent tokens cannot",
    paper: null,
    scale,
  }).judge(
    {
      label: "autoregressive",
      values: seeds.map((s) => finalLoss(s.losses.autoregressive)),
      criterion: atMost(0.3),
    },
    {
      label: "factorised",
      values: seeds.map((s) => finalLoss(s.losses.factorised)),
      criterion: atLeast(0.8),
    },
  );
}

function stages({ seeds }: Results, scale: string): Claim {
  const open = claim({
    id: "C7",
    statement: "Longer nets can be written in stages, each with the end of the one before as context",
    paper: "qualitative",
    scale,
  });
  const staged = seeds.map((s) => s.families.at(-1)!.accuracy["in stages"]);
  if (staged.some((a) => a === null)) return open.notAttempted(OUT_OF_PRESET);
  return open.judge({
    label: `accuracy ${familyName(seeds[0]!.families.at(-1)!)}`,
    values: staged.map((a) => meanOf(a!)),
    criterion: atLeast(0.85),
  });
}

function codes({ seeds }: Results, scale: string): Claim {
  return claim({
    id: "C8",
    statement: "The codebook does not collapse",
    paper: null,
    scale,
  }).judge({
    label: `of ${seeds[0]!.codebook.codebook} entries used`,
    values: seeds.map((s) => s.codebook.used),
    criterion: atLeast(64),
  });
}

function startingPoints({ seeds }: Results, scale: string): Claim {
  const stated = {
    id: "C9",
    statement: "On tasks that the zoo does not have, generated weights are a better start than random ones",
    paper: "near random before training, over 50 % relative gain within one epoch (reported, CIFAR-10, Pets)",
    scale,
  };
  const curves = seeds.flatMap((s) => (s.heldOut === null ? [] : [s.heldOut.curve]));
  if (curves.length === 0) return claim(stated).notAttempted(OUT_OF_PRESET);
  const figures = curves[0]!.map(({ step }, i) => {
    const [generated, random] = (["generated", "random"] as const).map((k) =>
      meanOf(curves.map((c) => c[i]![k])),
    );
    return `${generated!.toFixed(2)} and ${random!.toFixed(2)} at step ${step}`;
  });
  const shown = figures.filter((_, i) => i % 4 === 0 || i === figures.length - 1);
  return claim({
    ...stated,
    note: `Accuracy from generated and from random weights: ${shown.join("; ")}.`,
  }).judge({
    label: `accuracy over that from random weights after ${curves[0]!.at(-1)!.step} steps`,
    values: curves.map((c) => c.at(-1)!.generated - c.at(-1)!.random),
    criterion: atLeast(0),
  });
}

function mnist({ mnist: m }: Results): Claim {
  const open = claim({
    id: "C10",
    statement: "A zoo of small convolutional nets on MNIST: generated weights work without training",
    paper: "83.2 % without training, 94.5 % after 25 epochs of fine-tuning; random about 10 % (reported)",
    scale: m === null ? "–" : `MNIST, ${m.zoo.length} nets of 2,464 weights, ${m.samples.length} generated`,
  });
  if (m === null) return open.notAttempted("Needs MNIST and the option mnist: see the preset full.");
  const label = (what: string, values: readonly number[], criterion: Criterion): Measurement => ({
    label: what,
    values: meanOf(values),
    criterion,
  });
  return open.judge(
    label("generated", m.samples, atLeast(0.83)),
    label("fine-tuned", m.tuned, atLeast(0.945)),
  );
}

function notAttempted(scale: string): Claim[] {
  return [
    claim({
      id: "C11",
      statement: "LoRA weights for a vision transformer, generated",
      paper: "78.8 against 72.7 for trained LoRA, mean of 6 vision sets (reported)",
      scale,
    }).notAttempted("Needs pretrained vision transformers and their data sets."),
    claim({
      id: "C12",
      statement: "Unseen depths of ResNets: better than other generators, far below pretrained",
      paper: "about 46 % (reported, ResNet-20 and ResNet-110)",
      scale,
    }).notAttempted("Needs a zoo of 125 trained ResNets."),
  ];
}
