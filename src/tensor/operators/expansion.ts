/** Operators whose derivative is that of an equal expression of simpler ones. */
import type { BackwardCall, Operator } from "../node.ts";
import type { Tensor } from "../tensor.ts";
import { vjp } from "../transforms.ts";

/**
 * The gradient rule of an operator, from a function that computes its outputs with other operators. Only the outputs that the loss
 * depends on are expanded: the function leaves out those that are not wanted.
 */
export function gradientOf(
  expand: (
    x: readonly (Tensor | undefined)[],
    call: BackwardCall,
    wanted: readonly boolean[],
  ) => readonly (Tensor | undefined)[],
): NonNullable<Operator["gradient"]> {
  return (call) => {
    const wanted = call.dys.map((dy) => dy !== undefined);
    const places = call.needs.flatMap((need, i) => (need ? [i] : []));
    const expanded = (...own: Tensor[]): Tensor[] => {
      const x: (Tensor | undefined)[] = [...call.x];
      places.forEach((place, k) => {
        x[place] = own[k];
      });
      const outputs = expand(x, call, wanted);
      return outputs.filter((t, i): t is Tensor => t !== undefined && wanted[i] === true);
    };
    const [, pull] = vjp(expanded, ...places.map((i) => call.x[i]!));
    const gradients = pull(call.dys.filter((dy): dy is Tensor => dy !== undefined)) as readonly Tensor[];
    const result: (Tensor | undefined)[] = call.x.map(() => undefined);
    places.forEach((place, k) => {
      result[place] = gradients[k];
    });
    return result;
  };
}
