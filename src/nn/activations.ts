import { apply, type Tensor } from "../tensor/tensor.ts";

const table = {
  identity: (x: Tensor) => x,
  relu: (x: Tensor) => x.relu(),
  leakyRelu: (x: Tensor) => apply("LeakyRelu", [x], { alpha: { float: 0.01 } }),
  elu: (x: Tensor) => apply("Elu", [x]),
  selu: (x: Tensor) => apply("Selu", [x]),
  gelu: (x: Tensor) => x.gelu(),
  silu: (x: Tensor) => x.mul(x.sigmoid()),
  mish: (x: Tensor) => apply("Mish", [x]),
  softplus: (x: Tensor) => x.softplus(),
  tanh: (x: Tensor) => x.tanh(),
  sigmoid: (x: Tensor) => x.sigmoid(),
  sin: (x: Tensor) => x.sin(),
};

export type ActivationName = keyof typeof table;

/** An activation by its name, or any function of a tensor. */
export type Activation = ActivationName | ((x: Tensor) => Tensor);

/** The activations that have names. `leakyRelu` has slope 0.01 below 0, `elu` alpha 1, `gelu` is exact, `silu` is x sigmoid(x). */
export const activations: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = table;

/** The function behind an activation. Throws where the name is none. */
export function activation(choice: Activation): (x: Tensor) => Tensor {
  if (typeof choice === "function") return choice;
  if (Object.hasOwn(table, choice)) return table[choice];
  throw new RangeError(
    `activation: there is no "${String(choice)}": use a function or one of ${Object.keys(table).join(", ")}`,
  );
}
