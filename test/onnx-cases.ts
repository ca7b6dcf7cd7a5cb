/** A test case through import, trace, emission and ONNX Runtime, and what came of it. */
import { exportModel } from "../src/onnx/export.ts";
import { type ImportedModel, importModel } from "../src/onnx/import.ts";
import { compile } from "../src/runtime/compile.ts";
import { Session } from "../src/runtime/session.ts";
import { isFloat } from "../src/tensor/dtype.ts";
import type { NDArray } from "../src/tensor/ndarray.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { byName, difference, type TestCase } from "./onnx-data.ts";

/**
 * - pass: traced with all inputs symbolic; pass-bound: integer inputs (shapes, axes) bound at compile time; pass-constant: all are.
 * - no-arrays: inputs or outputs that no NDArray holds (strings, sequences, bfloat16, float8 ...).
 * - runtime: ONNX Runtime itself does not load, run or reproduce the file.
 * - untraceable: it runs as it is, but is no expression of static shapes.
 * - fail: ours.
 */
export type Outcome =
  | "pass"
  | "pass-bound"
  | "pass-constant"
  | "no-arrays"
  | "runtime"
  | "untraceable"
  | "fail";

export interface Report {
  readonly name: string;
  readonly outcome: Outcome;
  readonly reason: string;
}

type Arrays = Record<string, NDArray>;

export async function checkCase(the: TestCase): Promise<Report> {
  const report = (outcome: Outcome, reason = ""): Report => ({ name: the.name, outcome, reason });
  let model: ImportedModel;
  try {
    model = importModel(the.model);
    const again = exportModel(model, model.init());
    if (Buffer.compare(again, the.model) !== 0) return report("fail", "the round trip changed the file");
  } catch (error) {
    return (await runtimeFails(the)) ?? report("fail", `import: ${(error as Error).message}`);
  }
  const odd = the.sets.flatMap((s) => [...s.inputs, ...s.outputs]).find((v) => v instanceof Error);
  if (odd !== undefined) return report("no-arrays", odd.message);
  const reasons: string[] = [];
  for (const [outcome, symbolic] of modes) {
    const problem = await attempt(model, the, symbolic);
    if (problem === undefined) return report(outcome, reasons[0]);
    reasons.push(problem);
    if (!problem.startsWith("trace: ")) break;
  }
  const runtime = await runtimeFails(the);
  if (runtime !== undefined) return { ...runtime, reason: `${runtime.reason}; ours: ${reasons.at(-1)}` };
  return report(reasons.at(-1)!.startsWith("trace: ") ? "untraceable" : "fail", reasons.at(-1));
}

const modes: readonly [Outcome, (a: NDArray) => boolean][] = [
  ["pass", () => true],
  ["pass-bound", (a) => isFloat(a.dtype)],
  ["pass-constant", () => false],
];

/** What goes wrong when the case is traced with these inputs symbolic. */
async function attempt(
  model: ImportedModel,
  the: TestCase,
  symbolic: (a: NDArray) => boolean,
): Promise<string | undefined> {
  for (const set of the.sets) {
    const inputs = inputsOf(model, the, set.inputs);
    const bound = Object.fromEntries(Object.entries(inputs).filter(([, a]) => !symbolic(a)));
    const free = Object.fromEntries(Object.entries(inputs).filter(([, a]) => symbolic(a)));
    const run = compile(
      (p: Record<string, Tensor>, x: Record<string, Tensor>) => model.applyAll(p, { ...bound, ...x }),
      {
        threads: 1,
      },
    );
    try {
      run.graph(model.init(), free);
    } catch (error) {
      return `trace: ${(error as Error).message}`;
    }
    try {
      const outputs: Arrays = await run(model.init(), free);
      const problem = compared(outputs, the, set.outputs);
      if (problem !== undefined) return problem;
    } catch (error) {
      return `run: ${(error as Error).message}`;
    } finally {
      await run.dispose();
    }
  }
  return undefined;
}

/** A stored input with the axes that the model's input has. */
export function inputsOf(
  model: ImportedModel,
  the: TestCase,
  values: TestCase["sets"][number]["inputs"],
): Arrays {
  const named = byName(
    model.inputs.map((p) => p.name),
    values,
  );
  if (!the.foreign) return named;
  return Object.fromEntries(
    Object.entries(named).map(([name, a]) => {
      const rank = model.inputs.find((p) => p.name === name)?.shape?.length;
      return [name, a.size === 1 && rank !== undefined ? a.reshape(new Array(rank).fill(1)) : a];
    }),
  );
}

function compared(
  outputs: Arrays,
  the: TestCase,
  values: TestCase["sets"][number]["outputs"],
): string | undefined {
  for (const [name, expected] of Object.entries(byName(Object.keys(outputs), values))) {
    const got = outputs[name]!;
    const fits = the.foreign && got.size === expected.size;
    const problem = fits
      ? difference(got, expected.cast(got.dtype).reshape(got.shape))
      : difference(got, expected);
    if (problem !== undefined) return `output "${name}": ${problem}`;
  }
  return undefined;
}

/** Does ONNX Runtime fail on the file as it is, too? */
async function runtimeFails(the: TestCase): Promise<Report | undefined> {
  const report = (reason: string): Report => ({ name: the.name, outcome: "runtime", reason });
  let session: Session;
  try {
    session = await Session.create(the.model, { threads: 1 });
  } catch (error) {
    return report((error as Error).message);
  }
  try {
    for (const set of the.sets) {
      const outputs = await session.run(byName(session.inputNames, set.inputs));
      const problem = compared(outputs, the, set.outputs);
      if (problem !== undefined) return report(problem);
    }
    return undefined;
  } catch (error) {
    return report((error as Error).message);
  } finally {
    await session.dispose();
  }
}
