/** What the net makes of single functions: of the test distribution, and of the paper's probes outside of it. */
import type { DeviceName } from "../../experiment/context.ts";
import { randomSource } from "../../pde/random-source.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { OperatorModel } from "./deeponet.ts";
import { type OperatorProblem, outOfDistributionProbes } from "./problems.ts";

export interface CurvePlot {
  readonly name: string;
  /** Is the function one like those of the training set? */
  readonly inside: boolean;
  readonly y: readonly number[];
  readonly truth: readonly number[];
  readonly predicted: readonly number[];
}

/** Three functions like those in training and the four probes, each at every fourth point of the fine grid. */
export async function plotCurves(
  net: OperatorModel<unknown>,
  params: unknown,
  problem: OperatorProblem,
  key: NDArray,
  device: DeviceName,
): Promise<CurvePlot[]> {
  const drawn = problem
    .draw(randomSource(key), 3)
    .map((u, i) => ({ name: `test function ${i + 1}`, inside: true, u }));
  const probes = Object.entries(outOfDistributionProbes).map(([name, u]) => ({
    name: `u = ${name}`,
    inside: false,
    u,
  }));
  const curves = [...drawn, ...probes].map((f) => ({ ...f, curve: problem.curve(f.u, net.sensors) }));
  const y = curves[0]!.curve.y;
  const sensors = Float32Array.from(curves.flatMap((c) => Array.from(c.curve.sensors)));
  const evaluate = compile((p: unknown, a: Tensor, b: Tensor) => net.applyCartesian(p as never, a, b), {
    device,
  });
  const predicted = await evaluate(
    params as never,
    new NDArray(sensors, [curves.length, net.sensors]),
    new NDArray(y, [y.length, 1]),
  );
  await evaluate.dispose();
  const every = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => i % 4 === 0);
  return curves.map(({ name, inside, curve }, i) => ({
    name,
    inside,
    y: every(y),
    truth: every(curve.s),
    predicted: every(predicted.data.subarray(i * y.length, (i + 1) * y.length) as Float32Array),
  }));
}
