import { expect, test } from "vitest";
import { apply, applyUnknown, Tensor } from "./tensor.ts";
import { grad, stopGradient, straightThrough } from "./transforms.ts";

const x = Tensor.input([3]);

test("an operator without a rule is named, with the way from it to the loss", () => {
  const f = (t: Tensor) => applyUnknown("Strange", "com.example", [t], {}, [t])[0]!.exp().mul(2).sum();
  expect(() => grad(f)(x)).toThrow(
    "grad: cannot differentiate through com.example.Strange: there is no gradient rule for it (path: com.example.Strange <- Exp <- Mul <- ReduceSum <- loss). Use stopGradient before it, straightThrough or customGradient around it",
  );
});

test("a float result without a derivative is named too", () => {
  const f = (t: Tensor) => apply("Hardmax", [t]).sum();
  expect(() => grad(f)(x)).toThrow("cannot differentiate through Hardmax: its result has no derivative");
});

test("what does not depend on the variables is passed by", () => {
  const other = applyUnknown("Strange", "", [Tensor.input([3])], {}, [x])[0]!;
  expect(() => grad((t: Tensor) => t.mul(other).sum())(x)).not.toThrow();
  expect(() => grad((t: Tensor) => t.mul(stopGradient(apply("Hardmax", [t]))).sum())(x)).not.toThrow();
  expect(() => grad((t: Tensor) => straightThrough(apply("Hardmax", [t]), t).sum())(x)).not.toThrow();
});

test("what reaches the loss only as an index or a condition has derivative 0", () => {
  const [dx] = [grad((t: Tensor) => t.argMax(0).cast("float32"))(x) as Tensor];
  expect(dx.node.op).toBe("Expand");
  expect(dx.node.inputs[0]!.value!.item()).toBe(0);
});

test("a loss that stops at once has gradient 0", () => {
  const dx = grad((t: Tensor) => stopGradient(t.sum()))(x) as Tensor;
  expect(dx.node.inputs[0]!.value!.item()).toBe(0);
});
