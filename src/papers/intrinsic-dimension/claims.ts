/** The paper's claims, judged on what a run measured. Criteria are those of the reading notes, stated before measuring. */
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
import { intrinsicDimension } from "./intrinsic-dimension.ts";
import { type Curve, crossingOf, mean, meanAt, type Results } from "./results.ts";

const OUT = "Its study is left out of this run: run the preset quick.";

export function claimsOf(r: Results, scale: (study: string) => string): Claim[] {
  return [
    toy(r, scale("toy")),
    solvable(r, scale("networks")),
    sameForAll(r, scale("networks")),
    compression(r, scale("networks")),
    projections(r, scale("projections")),
    permuted(r, scale("permuted")),
    shuffled(r, scale("labels")),
    randomLabels(r, scale("random")),
    perLabel(r, scale("random")),
    pole(r, scale("pole")),
    cartPole(r, scale("cartpole")),
    ...real(r, "mnist", scale("mnist"), { fc: 750, lenet: 290 }),
    ...real(r, "cifar10", scale("cifar10"), { fc: 9000, lenet: 2900 }),
  ];
}

/** The curve of the compressed net: two layers of 64, or the first. */
export function reference(curves: readonly Curve[]): Curve | undefined {
  return curves.find((c) => c.name === "FC 2 x 64") ?? curves[0];
}

function toy({ toy: curves }: Results, scale: string): Claim {
  const open = claim({
    id: "C1-toy",
    statement: "Ten constraints on 1000 weights have intrinsic dimension 10, whatever the projection",
    paper: "10; performance 0.048, 0.165, 0.99977, 0.99946 at d = 8, 9, 10, 11",
    scale,
  });
  if (curves === null) return open.notAttempted(OUT);
  return open.judge(
    {
      label: "first dimension that solves it, by projection",
      values: curves.map(({ points }) => {
        const runs = points
          .filter((p) => p.dimension > 0)
          .map(({ dimension, loss }) => ({ dimension, metric: Math.exp(-loss), seed: 0 }));
        return intrinsicDimension(runs, { baseline: 1 }).first ?? Number.NaN;
      }),
      criterion: equals(10, 0),
    },
    {
      label: "trained loss less the least-squares minimum, at most",
      values: Math.max(
        ...curves.flatMap((c) => c.points.map((p) => Math.abs(p.loss - p.least) / Math.max(1e-3, p.least))),
      ),
      criterion: equals(0, 1e-3),
    },
  );
}

function solvable({ networks }: Results, scale: string): Claim {
  const open = claim({
    id: "C1",
    statement: "A random subspace of far fewer dimensions than weights solves the task",
    paper: "MNIST: 750 of 199,210 (FC), 290 of 44,426 (LeNet)",
    scale,
  });
  if (networks.length === 0) return open.notAttempted(OUT);
  return open.judge(
    {
      label: "d_int90 of each net",
      values: networks.map((c) => crossingOf(c)),
      criterion: everySeed(between(70, 260, "for each net")),
    },
    {
      label: "accuracy of direct training",
      values: networks.map((c) => mean(c.direct)),
      criterion: everySeed(atLeast(0.98)),
    },
  );
}

function sameForAll({ networks }: Results, scale: string): Claim {
  const open = claim({
    id: "C2",
    statement: "The intrinsic dimension hardly changes over networks of very different size",
    paper: "20 FC nets on MNIST: D varies 24.1 times, d_int90 1.33 times",
    scale,
  });
  if (networks.length < 2) return open.notAttempted(OUT);
  const found = networks.map((c) => crossingOf(c));
  const sizes = networks.map((c) => c.weights);
  return open.judge({
    label: `largest over smallest d_int90, D varying ${(Math.max(...sizes) / Math.min(...sizes)).toFixed(1)} times:`,
    values: Math.max(...found) / Math.min(...found),
    criterion: atMost(1.8),
  });
}

function compression({ networks, compressed }: Results, scale: string): Claim {
  const net = reference(networks);
  const file = compressed.find((c) => c.name === net?.name);
  const open = claim({
    id: "C4",
    statement:
      "A seed and the d coordinates are a compressed network, from which the weights come back to the bit",
    paper: "more than 100 times in some cases",
    scale,
    ...(file && {
      note: `The file of ${file.name} at d = ${file.dimension} (accuracy ${file.accuracy.toFixed(3)}) has ${file.bytes} bytes, ${((4 * file.weights) / file.bytes).toFixed(0)} times fewer than its weights.`,
    }),
  });
  if (net === undefined || file === undefined) return open.notAttempted(OUT);
  return open.judge(
    { label: "weights over d_int90", values: net.weights / crossingOf(net), criterion: atLeast(60) },
    {
      label: "largest difference of rebuilt weights",
      values: file.largestDifference,
      criterion: equals(0, 0),
    },
  );
}

function projections({ networks, projections: curves }: Results, scale: string): Claim {
  const open = claim({
    id: "C-projection",
    statement: "Sparse and Fastfood projections measure what dense ones do",
    paper: "qualitative",
    scale,
  });
  const dense = reference(networks);
  if (curves.length === 0 || dense === undefined) return open.notAttempted(OUT);
  return open.judge(
    ...curves.map((c) => {
      const d = c.dimensions.at(-1)!;
      const same = dense.metrics.slice(0, c.metrics.length);
      return {
        label: `${c.name} accuracy less dense, d = ${d}`,
        values: meanAt(c, d) - meanAt({ ...dense, metrics: same }, d),
        criterion: criterion("within 0.08", ({ mean: m }) => Math.abs(m) <= 0.08),
      };
    }),
  );
}

function permuted({ networks, permuted: curves }: Results, scale: string): Claim {
  const open = claim({
    id: "C3-pixels",
    statement: "Permuted pixels make the task harder for a convolutional net, not for a fully connected one",
    paper: "LeNet 290 to 1,400, FC 750 to 750",
    scale,
  });
  const [raw, mixed, fc] = curves;
  const plain = reference(networks);
  if (raw === undefined || mixed === undefined || fc === undefined || plain === undefined)
    return open.notAttempted(OUT);
  const shared = raw.dimensions.filter((d) => fc.dimensions.includes(d));
  const at = shared.includes(150) ? 150 : shared.at(-1);
  if (at === undefined) return open.notAttempted("The nets were trained in no common dimension.");
  return open.judge(
    {
      label: `drop of the convolutional net's accuracy at d = ${at}`,
      values: meanAt(raw, at) - meanAt(mixed, at),
      criterion: atLeast(0.07),
    },
    {
      label: "change of the fully connected net's",
      values: meanAt(fc, at) - meanAt({ ...plain, metrics: plain.metrics.slice(0, 1) }, at),
      criterion: criterion("within 0.05", ({ mean: m }) => Math.abs(m) < 0.05),
    },
  );
}

function shuffled({ labels }: Results, scale: string): Claim {
  const open = claim({
    id: "C3-labels",
    statement: "Shuffled labels take many more dimensions than true ones",
    paper: "MNIST, FC 784-400x5-10: 190,000 of 959,610 for shuffled labels, 750 for true ones of FC 2x200",
    scale,
  });
  const [right, wrong] = labels;
  if (right === undefined || wrong === undefined) return open.notAttempted(OUT);
  return open.judge({
    label: `d_int90 ${crossingOf(wrong).toFixed(0)} over ${crossingOf(right).toFixed(0)}:`,
    values: crossingOf(wrong) / crossingOf(right),
    criterion: atLeast(2),
  });
}

function ends({ random }: Results) {
  const [few, many] = [random[0], random.at(-1)];
  return few === undefined || many === undefined || few === many ? undefined : { few, many };
}

function randomLabels(r: Results, scale: string): Claim {
  const open = claim({
    id: "C3-memory",
    statement: "The more random labels there are, the more dimensions it takes to memorise them",
    paper: "MNIST with 10 %, 50 %, 100 % of the set: 90,000, 130,000, 190,000",
    scale,
  });
  const found = ends(r);
  if (found === undefined) return open.notAttempted(OUT);
  const { few, many } = found;
  return open.judge({
    label: `d_int90 at ${many.examples} labels over that at ${few.examples}:`,
    values: crossingOf(many) / crossingOf(few),
    criterion: atLeast(2.5),
  });
}

function perLabel(r: Results, scale: string): Claim {
  const open = claim({
    id: "C3-per-label",
    statement: "Memorising more random labels costs fewer dimensions for each",
    paper: "18 floats a label at 5,000 labels, 5.2 at 25,000, 3.8 at 50,000",
    scale,
    note: `Dimensions for each label: ${r.random.map((c) => `${(crossingOf(c) / c.examples).toFixed(2)} at ${c.examples}`).join(", ")}.`,
  });
  const found = ends(r);
  if (found === undefined) return open.notAttempted(OUT);
  const { few, many } = found;
  return open.judge({
    label: `dimensions a label at ${many.examples} labels over those at ${few.examples}:`,
    values: crossingOf(many) / many.examples / (crossingOf(few) / few.examples),
    criterion: below(0.75),
  });
}

function pole({ pole: curve, networks }: Results, scale: string): Claim {
  const open = claim({
    id: "C3-pole",
    statement: "Balancing a pole takes very few dimensions, far fewer than recognising digits",
    paper: "inverted pendulum 4, MNIST 750: about 100 times",
    scale,
  });
  const digits = reference(networks);
  if (curve === null || digits === undefined) return open.notAttempted(OUT);
  const first = crossingOf(curve, 200);
  return open.judge(
    { label: "d_int90 (mean return 180)", values: first, criterion: atMost(8) },
    { label: "that of digits over it", values: crossingOf(digits) / first, criterion: atLeast(10) },
  );
}

function cartPole({ cartpole }: Results, scale: string): Claim {
  const open = claim({
    id: "C3-cartpole",
    statement: "CartPole by deep Q-learning takes few dimensions too",
    paper: "25 with hidden layers of 20, 40 with 400",
    scale,
  });
  if (cartpole.length === 0) return open.notAttempted("It takes hours: run the preset full.");
  return open.judge(
    ...cartpole.map((c) => ({
      label: `d_int90 of ${c.name} (mean return 175.5)`,
      values: crossingOf(c, 195),
      criterion: atMost(60),
    })),
  );
}

function real(
  r: Results,
  name: "mnist" | "cifar10",
  scale: string,
  paper: { readonly fc: number; readonly lenet: number },
): Claim[] {
  const set = name === "mnist" ? "MNIST" : "CIFAR-10";
  return (["fc", "lenet"] as const).map((net) => {
    const which = net === "fc" ? "FC" : "LeNet";
    const curve = r[name].find((c) => c.name.startsWith(`${name}, ${which}`));
    const file = r.compressed.find((c) => c.name === curve?.name);
    const open = claim({
      id: `${name === "mnist" ? "M" : "R"}-${net}`,
      statement: `${set}, ${which}${net === "fc" ? " with two layers of 200" : ""}: the paper's intrinsic dimension`,
      paper: String(paper[net]),
      scale,
      note: `Within a factor of 1.5 of the paper's, which come from 100 epochs.${file === undefined ? "" : ` File at d = ${file.dimension}: ${file.bytes} bytes, ${((4 * file.weights) / file.bytes).toFixed(0)} times fewer than its weights.`}`,
    });
    if (curve?.name.endsWith("permuted pixels") === true)
      return open.notAttempted(
        "The paper's figure is for pixels in their order: see the table for permuted ones.",
      );
    if (curve === undefined)
      return open.notAttempted(
        `It needs ${set}: add --set data=${name}, with the data set got by paperweight data get.`,
      );
    const baseline = name === "mnist" ? 1 : mean(curve.direct);
    return open.judge({
      label: "d_int90",
      values: crossingOf(curve, baseline),
      criterion: between(Math.round(paper[net] / 1.5), Math.round(paper[net] * 1.5)),
    });
  });
}
