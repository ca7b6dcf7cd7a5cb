/** The opset of every graph that we write: what runtimes of 2024 and later read. */
export const OPSET = 21;

/** The version of each domain's operators. */
export type Opsets = ReadonlyMap<string, number>;

/** Operators of ONNX's own domain, and attributes of some, that came after it: a graph that has them takes a later opset. */
const later: Readonly<Record<string, number>> = {
  Attention: 24,
  RMSNormalization: 23,
  RotaryEmbedding: 23,
  Swish: 24,
  TensorScatter: 24,
  CumProd: 26,
  BitCast: 26,
  "DequantizeLinear.output_dtype": 23,
  "QuantizeLinear.precision": 23,
  "Cast.round_mode": 24,
};

/** The opset that an operator of ONNX's own domain with these attributes needs. */
export function neededOpset(op: string, attributes: readonly string[] = []): number {
  const names = [op, ...attributes.map((a) => `${op}.${a}`)];
  return Math.max(OPSET, ...names.map((name) => (Object.hasOwn(later, name) ? later[name]! : OPSET)));
}

/** The highest version that any of these asks of each domain. */
export function mergeOpsets(all: readonly Opsets[]): Map<string, number> {
  const merged = new Map<string, number>();
  for (const opsets of all)
    for (const [domain, version] of opsets) merged.set(domain, Math.max(version, merged.get(domain) ?? 0));
  return merged;
}
