import { InferenceSession, Tensor } from "onnxruntime-node";
import type { NDArray } from "../tensor/ndarray.ts";
import type { ModelArtifact } from "./result.ts";

/**
 * Load a model in ONNX Runtime and compare what it makes of its example with the recorded outputs. Returns what is wrong,
 * or undefined. Outputs must agree within `rtol` times the largest recorded magnitude.
 */
export async function modelProblem(
  name: string,
  { onnx, example }: ModelArtifact,
  rtol = 1e-4,
): Promise<string | undefined> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(onnx, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  } catch (error) {
    return `model ${name} does not load in ONNX Runtime: ${error instanceof Error ? error.message : String(error)}`;
  }
  try {
    const feeds = Object.fromEntries(Object.entries(example.inputs).map(([k, v]) => [k, tensorOf(v)]));
    const got = await session.run(feeds);
    for (const [output, want] of Object.entries(example.outputs)) {
      const problem = difference(want, got[output], rtol);
      if (problem !== undefined) return `model ${name}, output ${output}: ${problem}`;
    }
    return undefined;
  } catch (error) {
    return `model ${name} does not run on its example: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    await session.release();
  }
}

function tensorOf(array: NDArray): Tensor {
  return new Tensor(array.dtype as "float32", array.data as Float32Array, array.shape);
}

function difference(want: NDArray, got: Tensor | undefined, rtol: number): string | undefined {
  if (got === undefined) return "the model has no such output";
  if (got.dims.join() !== want.shape.join())
    return `its shape is [${got.dims.join(", ")}], the example's [${want.shape.join(", ")}]`;
  const a = Array.from(want.data, Number);
  const b = Array.from(got.data as Float32Array, Number);
  const scale = a.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
  const worst = a.reduce(
    (m, x, i) => Math.max(m, Number.isNaN(x) && Number.isNaN(b[i]!) ? 0 : Math.abs(x - b[i]!)),
    0,
  );
  return worst <= rtol * scale
    ? undefined
    : `it differs from the example by ${worst.toPrecision(3)}, the example's largest magnitude is ${scale.toPrecision(3)}`;
}
