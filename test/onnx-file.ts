/** Small ONNX files for tests. */
import { attributeToProto } from "../src/onnx/attributes.ts";
import type { Draft, FunctionProto, GraphProto, NodeProto } from "../src/onnx/schema.ts";
import { ndarrayToTensor } from "../src/onnx/tensors.ts";
import { createMessage, encodeMessage } from "../src/onnx/wire.ts";
import { Session } from "../src/runtime/session.ts";
import { type DType, dtypes } from "../src/tensor/dtype.ts";
import { NDArray, type Nested } from "../src/tensor/ndarray.ts";
import type { Attributes } from "../src/tensor/node.ts";

export type Sizes = readonly (number | string | undefined)[];

/** A declared value: float32 unless a dtype stands in front. */
export type Declared = Sizes | readonly [DType, Sizes];

export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes & { readonly graphs?: never } = {},
  domain = "",
): NodeProto {
  return createMessage("NodeProto", {
    opType: op,
    name: `the ${op}`,
    domain,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]) => attributeToProto(name, value)),
  });
}

/** The node with graphs for attributes. */
export function withGraphs(base: NodeProto, graphs: Readonly<Record<string, GraphProto>>): NodeProto {
  const attributes = Object.entries(graphs).map(([name, g]) =>
    createMessage("AttributeProto", { name, type: 5, g }),
  );
  return { ...base, attribute: [...base.attribute, ...attributes] };
}

export interface GraphSpec {
  readonly inputs?: Readonly<Record<string, Declared>>;
  readonly outputs: Readonly<Record<string, Declared | undefined>>;
  readonly nodes: readonly NodeProto[];
  readonly weights?: Readonly<Record<string, NDArray>>;
}

export interface FileSpec extends GraphSpec {
  readonly opset?: number;
  readonly imports?: Readonly<Record<string, number>>;
  readonly functions?: readonly FunctionProto[];
  readonly extra?: Draft<"ModelProto">;
}

export function graph({ inputs = {}, outputs, nodes, weights = {} }: GraphSpec): GraphProto {
  return createMessage("GraphProto", {
    name: "test",
    node: [...nodes],
    input: Object.entries(inputs).map(([name, d]) => valueInfo(name, d)),
    output: Object.entries(outputs).map(([name, d]) => valueInfo(name, d)),
    initializer: Object.entries(weights).map(([name, a]) => ndarrayToTensor(a, name)),
  });
}

export function file(spec: FileSpec): Uint8Array {
  const imports = { "": spec.opset ?? 21, ...spec.imports };
  return encodeMessage("ModelProto", {
    irVersion: 8,
    producerName: "a test",
    opsetImport: Object.entries(imports).map(([domain, version]) => ({ domain, version })),
    functions: spec.functions ?? [],
    graph: graph(spec),
    ...spec.extra,
  });
}

/** Without a declaration, the runtime finds out the type. */
function valueInfo(name: string, declared: Declared | undefined) {
  if (declared === undefined) return createMessage("ValueInfoProto", { name });
  const [dtype, sizes] = isTyped(declared) ? declared : (["float32", declared] as const);
  const dim = sizes.map((d) =>
    createMessage("TensorShapeProto.Dimension", typeof d === "string" ? { dimParam: d } : { dimValue: d }),
  );
  const shape = createMessage("TensorShapeProto", { dim });
  const tensorType = createMessage("TypeProto.Tensor", { elemType: dtypes[dtype].code, shape });
  return createMessage("ValueInfoProto", { name, type: createMessage("TypeProto", { tensorType }) });
}

function isTyped(declared: Declared): declared is readonly [DType, Sizes] {
  return typeof declared[0] === "string" && Array.isArray(declared[1]);
}

/** The file's outputs from ONNX Runtime. */
export async function runFile(
  bytes: Uint8Array,
  inputs: Readonly<Record<string, NDArray>>,
): Promise<Record<string, NDArray>> {
  const session = await Session.create(bytes, { threads: 1 });
  try {
    return await session.run(inputs);
  } finally {
    await session.dispose();
  }
}

export const float = (values: Nested): NDArray => NDArray.from(values, "float32");
export const int = (values: Nested): NDArray => NDArray.from(values, "int64");
