/** What goes into and comes out of a file's graph, as the file declares it. */
import { type DType, dtypeOfCode } from "../tensor/dtype.ts";
import { type Shape, showShape } from "../tensor/shape.ts";
import type { Size } from "./emit.ts";
import { quoted } from "./raw.ts";
import { type TypeProto, tensorTypes, type ValueInfoProto } from "./schema.ts";

/** An input or output of a file. */
export interface DeclaredPort {
  readonly name: string;
  /** In ONNX's words: `tensor(float)`, `seq(map(int64,tensor(float)))`. */
  readonly type: string;
  /** Undefined where it is no tensor that an NDArray can hold. */
  readonly dtype: DType | undefined;
  /** A name is a symbolic size, undefined an unknown one. Undefined where the file does not even say how many axes there are. */
  readonly shape: readonly Size[] | undefined;
}

/** The type of a port that the file says nothing of. */
export const UNDECLARED = "unknown";

/** Symbolic sizes by name. */
export type Symbols = Map<string, number>;

export function declaredPort(info: ValueInfoProto): DeclaredPort {
  const tensor = info.type?.tensorType;
  return {
    name: info.name ?? "",
    type: showType(info.type),
    dtype: tensor && dtypeOfCode(tensor.elemType ?? 0),
    shape: tensor?.shape?.dim.map((d) =>
      d.dimValue !== undefined && d.dimValue >= 0 ? d.dimValue : d.dimParam || undefined,
    ),
  };
}

function showType(type: TypeProto | undefined): string {
  const element = (code: number | undefined) => (tensorTypes[code ?? 0] ?? `type ${code}`).toLowerCase();
  if (type?.tensorType !== undefined) return `tensor(${element(type.tensorType.elemType)})`;
  if (type?.sparseTensorType !== undefined)
    return `sparse_tensor(${element(type.sparseTensorType.elemType)})`;
  if (type?.sequenceType !== undefined) return `seq(${showType(type.sequenceType.elemType)})`;
  if (type?.optionalType !== undefined) return `optional(${showType(type.optionalType.elemType)})`;
  if (type?.mapType !== undefined)
    return `map(${element(type.mapType.keyType)},${showType(type.mapType.valueType)})`;
  return UNDECLARED;
}

/**
 * Check a tensor against a port and learn the symbolic sizes from it. Throws one line where dtype, number of axes or a size
 * differ from what the file says.
 */
export function bindPort(port: DeclaredPort, given: { shape: Shape; dtype: DType }, symbols: Symbols): void {
  const declared = `${port.dtype ?? port.type}${port.shape === undefined ? "" : `[${port.shape.map((d) => d ?? "?").join(", ")}]`}`;
  const wrong = (problem: string) =>
    new RangeError(
      `model: the input ${quoted(port.name)} is ${declared}, it was given ${given.dtype}${showShape(given.shape)}: ${problem}`,
    );
  if (port.dtype === undefined) throw wrong("no tensor is of that type");
  if (port.dtype !== given.dtype) throw wrong("the element types differ, cast it");
  if (port.shape === undefined) return;
  if (port.shape.length !== given.shape.length) throw wrong("the number of axes differs");
  port.shape.forEach((size, axis) => {
    const d = given.shape[axis]!;
    if (typeof size === "number" && size !== d) throw wrong(`axis ${axis} differs`);
    if (typeof size !== "string") return;
    const known = symbols.get(size);
    if (known !== undefined && known !== d)
      throw wrong(`${quoted(size)} is ${known} elsewhere, all that bear the name must be equal`);
    symbols.set(size, d);
  });
}

/** The type that a declaration states once the symbolic sizes are known; undefined where something is missing. */
export function boundType(
  port: DeclaredPort | undefined,
  symbols: Symbols,
): { shape: Shape; dtype: DType } | undefined {
  const shape = port?.shape?.map((d) => (typeof d === "string" ? symbols.get(d) : d));
  if (port?.dtype === undefined || shape === undefined || shape.includes(undefined)) return undefined;
  return { shape: shape as number[], dtype: port.dtype };
}
