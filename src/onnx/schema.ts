/**
 * The ONNX messages: one table from which the TypeScript types, the decoder and the encoder all follow.
 *
 * A field is `[number, kind, label?]`, named as protobuf's JSON mapping names it. Source: onnx/onnx.proto3 and onnx/onnx-data.proto3,
 * IR version 14. `packed` follows onnx.proto (proto2), as the official exporters write: lists are packed only where it says so.
 *
 * Kinds are protobuf's, except that 64-bit integers say what holds them:
 *   int64      number; a value beyond 2^53 is an error (sizes and versions)
 *   anyInt64   number where exact, else bigint (attributes such as Slice's "to the end", 2^63 - 1)
 *   bigInt64   BigInt64Array (lists only), bigUint64 BigUint64Array (lists only)
 * Lists of int32, float and double are Int32Array, Float32Array and Float64Array; every other list is an array.
 * Enums are int32. `oneof` marks the fields of a message's one union: decoding keeps the last, encoding takes one at most.
 */
export const messages = {
  ModelProto: {
    irVersion: [1, "int64"],
    producerName: [2, "string"],
    producerVersion: [3, "string"],
    domain: [4, "string"],
    modelVersion: [5, "anyInt64"],
    docString: [6, "string"],
    graph: [7, "GraphProto"],
    opsetImport: [8, "OperatorSetIdProto", "repeated"],
    metadataProps: [14, "StringStringEntryProto", "repeated"],
    trainingInfo: [20, "TrainingInfoProto", "repeated"],
    functions: [25, "FunctionProto", "repeated"],
    configuration: [26, "DeviceConfigurationProto", "repeated"],
  },
  GraphProto: {
    node: [1, "NodeProto", "repeated"],
    name: [2, "string"],
    initializer: [5, "TensorProto", "repeated"],
    docString: [10, "string"],
    input: [11, "ValueInfoProto", "repeated"],
    output: [12, "ValueInfoProto", "repeated"],
    valueInfo: [13, "ValueInfoProto", "repeated"],
    quantizationAnnotation: [14, "TensorAnnotation", "repeated"],
    sparseInitializer: [15, "SparseTensorProto", "repeated"],
    metadataProps: [16, "StringStringEntryProto", "repeated"],
  },
  NodeProto: {
    input: [1, "string", "repeated"],
    output: [2, "string", "repeated"],
    name: [3, "string"],
    opType: [4, "string"],
    attribute: [5, "AttributeProto", "repeated"],
    docString: [6, "string"],
    domain: [7, "string"],
    overload: [8, "string"],
    metadataProps: [9, "StringStringEntryProto", "repeated"],
    deviceConfigurations: [10, "NodeDeviceConfigurationProto", "repeated"],
  },
  AttributeProto: {
    name: [1, "string"],
    f: [2, "float"],
    i: [3, "anyInt64"],
    /** UTF-8. */
    s: [4, "bytes"],
    t: [5, "TensorProto"],
    g: [6, "GraphProto"],
    floats: [7, "float", "repeated"],
    ints: [8, "anyInt64", "repeated"],
    /** UTF-8. */
    strings: [9, "bytes", "repeated"],
    tensors: [10, "TensorProto", "repeated"],
    graphs: [11, "GraphProto", "repeated"],
    docString: [13, "string"],
    tp: [14, "TypeProto"],
    typeProtos: [15, "TypeProto", "repeated"],
    /** One of `attributeTypes`; absent in files of IR version 1. */
    type: [20, "int32"],
    refAttrName: [21, "string"],
    sparseTensor: [22, "SparseTensorProto"],
    sparseTensors: [23, "SparseTensorProto", "repeated"],
  },
  TensorProto: {
    dims: [1, "int64", "repeated"],
    /** One of `tensorTypes`. */
    dataType: [2, "int32"],
    segment: [3, "TensorProto.Segment"],
    floatData: [4, "float", "packed"],
    int32Data: [5, "int32", "packed"],
    stringData: [6, "bytes", "repeated"],
    int64Data: [7, "bigInt64", "packed"],
    name: [8, "string"],
    rawData: [9, "bytes"],
    doubleData: [10, "double", "packed"],
    uint64Data: [11, "bigUint64", "packed"],
    docString: [12, "string"],
    externalData: [13, "StringStringEntryProto", "repeated"],
    /** 0: in this message, 1: in the file that `externalData` names. */
    dataLocation: [14, "int32"],
    metadataProps: [16, "StringStringEntryProto", "repeated"],
  },
  "TensorProto.Segment": { begin: [1, "int64"], end: [2, "int64"] },
  SparseTensorProto: {
    values: [1, "TensorProto"],
    indices: [2, "TensorProto"],
    dims: [3, "int64", "repeated"],
  },
  ValueInfoProto: {
    name: [1, "string"],
    type: [2, "TypeProto"],
    docString: [3, "string"],
    metadataProps: [4, "StringStringEntryProto", "repeated"],
  },
  TypeProto: {
    tensorType: [1, "TypeProto.Tensor", "oneof"],
    sequenceType: [4, "TypeProto.Sequence", "oneof"],
    mapType: [5, "TypeProto.Map", "oneof"],
    denotation: [6, "string"],
    opaqueType: [7, "TypeProto.Opaque", "oneof"],
    sparseTensorType: [8, "TypeProto.SparseTensor", "oneof"],
    optionalType: [9, "TypeProto.Optional", "oneof"],
  },
  "TypeProto.Tensor": { elemType: [1, "int32"], shape: [2, "TensorShapeProto"] },
  "TypeProto.Sequence": { elemType: [1, "TypeProto"] },
  "TypeProto.Map": { keyType: [1, "int32"], valueType: [2, "TypeProto"] },
  "TypeProto.Optional": { elemType: [1, "TypeProto"] },
  "TypeProto.SparseTensor": { elemType: [1, "int32"], shape: [2, "TensorShapeProto"] },
  "TypeProto.Opaque": { domain: [1, "string"], name: [2, "string"] },
  TensorShapeProto: { dim: [1, "TensorShapeProto.Dimension", "repeated"] },
  "TensorShapeProto.Dimension": {
    dimValue: [1, "int64", "oneof"],
    dimParam: [2, "string", "oneof"],
    denotation: [3, "string"],
  },
  OperatorSetIdProto: { domain: [1, "string"], version: [2, "int64"] },
  StringStringEntryProto: { key: [1, "string"], value: [2, "string"] },
  TensorAnnotation: {
    tensorName: [1, "string"],
    quantParameterTensorNames: [2, "StringStringEntryProto", "repeated"],
  },
  FunctionProto: {
    name: [1, "string"],
    input: [4, "string", "repeated"],
    output: [5, "string", "repeated"],
    attribute: [6, "string", "repeated"],
    node: [7, "NodeProto", "repeated"],
    docString: [8, "string"],
    opsetImport: [9, "OperatorSetIdProto", "repeated"],
    domain: [10, "string"],
    attributeProto: [11, "AttributeProto", "repeated"],
    valueInfo: [12, "ValueInfoProto", "repeated"],
    overload: [13, "string"],
    metadataProps: [14, "StringStringEntryProto", "repeated"],
  },
  TrainingInfoProto: {
    initialization: [1, "GraphProto"],
    algorithm: [2, "GraphProto"],
    initializationBinding: [3, "StringStringEntryProto", "repeated"],
    updateBinding: [4, "StringStringEntryProto", "repeated"],
  },
  DeviceConfigurationProto: {
    name: [1, "string"],
    numDevices: [2, "int32"],
    device: [3, "string", "repeated"],
  },
  NodeDeviceConfigurationProto: {
    configurationId: [1, "string"],
    shardingSpec: [2, "ShardingSpecProto", "repeated"],
    pipelineStage: [3, "int32"],
  },
  ShardingSpecProto: {
    tensorName: [1, "string"],
    device: [2, "int64", "repeated"],
    indexToDeviceGroupMap: [3, "IntIntListEntryProto", "repeated"],
    shardedDim: [4, "ShardedDimProto", "repeated"],
  },
  IntIntListEntryProto: { key: [1, "int64"], value: [2, "int64", "repeated"] },
  ShardedDimProto: { axis: [1, "int64"], simpleSharding: [2, "SimpleShardedDimProto", "repeated"] },
  SimpleShardedDimProto: {
    dimValue: [1, "int64", "oneof"],
    dimParam: [2, "string", "oneof"],
    numShards: [3, "int64"],
  },
  SequenceProto: {
    name: [1, "string"],
    elemType: [2, "int32"],
    tensorValues: [3, "TensorProto", "repeated"],
    sparseTensorValues: [4, "SparseTensorProto", "repeated"],
    sequenceValues: [5, "SequenceProto", "repeated"],
    mapValues: [6, "MapProto", "repeated"],
    optionalValues: [7, "OptionalProto", "repeated"],
  },
  MapProto: {
    name: [1, "string"],
    keyType: [2, "int32"],
    keys: [3, "anyInt64", "repeated"],
    stringKeys: [4, "bytes", "repeated"],
    values: [5, "SequenceProto"],
  },
  OptionalProto: {
    name: [1, "string"],
    elemType: [2, "int32"],
    tensorValue: [3, "TensorProto"],
    sparseTensorValue: [4, "SparseTensorProto"],
    sequenceValue: [5, "SequenceProto"],
    mapValue: [6, "MapProto"],
    optionalValue: [7, "OptionalProto"],
  },
} as const satisfies Record<string, Record<string, FieldRow>>;

/** AttributeProto.AttributeType: which field of an attribute holds its value. */
export const attributeTypes = {
  UNDEFINED: 0,
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
  TENSORS: 9,
  GRAPHS: 10,
  SPARSE_TENSOR: 11,
  SPARSE_TENSORS: 12,
  TYPE_PROTO: 13,
  TYPE_PROTOS: 14,
} as const;

/** TensorProto.DataType: the names by code. `dtypeOfCode` says which of them an NDArray holds. */
export const tensorTypes: readonly string[] = (
  "UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64 COMPLEX64 COMPLEX128 " +
  "BFLOAT16 FLOAT8E4M3FN FLOAT8E4M3FNUZ FLOAT8E5M2 FLOAT8E5M2FNUZ UINT4 INT4 FLOAT4E2M1 FLOAT8E8M0 UINT2 INT2"
).split(" ");

/** Fields that the table does not know, as they stood in the file (tags included): decoding keeps them, encoding writes them last. */
export const unknownFields: unique symbol = Symbol("unknown fields");

export type Label = "repeated" | "packed" | "oneof";
export type FieldRow = readonly [number: number, kind: string, label?: Label];

type Table = typeof messages;
export type MessageName = keyof Table;

interface Scalars {
  int32: number;
  int64: number;
  anyInt64: number | bigint;
  float: number;
  double: number;
  string: string;
  bytes: Uint8Array;
}

interface TypedLists {
  int32: Int32Array;
  float: Float32Array;
  double: Float64Array;
  bigInt64: BigInt64Array;
  bigUint64: BigUint64Array;
}

/** What a list may be given as for encoding, besides the typed array. */
interface ListElements {
  int32: number;
  float: number;
  double: number;
  bigInt64: number | bigint;
  bigUint64: number | bigint;
}

type Kind<N extends MessageName, F extends keyof Table[N]> = Table[N][F] extends FieldRow
  ? Table[N][F][1]
  : never;
type IsList<Row> = Row extends readonly [number, string, "repeated" | "packed"] ? true : false;

type One<K> = K extends keyof Scalars ? Scalars[K] : K extends MessageName ? Message<K> : never;
type Many<K> = K extends keyof TypedLists ? TypedLists[K] : One<K>[];

/** A decoded message: lists are always there (empty where the file has none), everything else is left out where the file lacks it. */
export type Message<N extends MessageName> = {
  -readonly [F in keyof Table[N] as IsList<Table[N][F]> extends true ? F : never]: Many<Kind<N, F>>;
} & {
  -readonly [F in keyof Table[N] as IsList<Table[N][F]> extends true ? never : F]?:
    | One<Kind<N, F>>
    | undefined;
} & { [unknownFields]?: Uint8Array[] | undefined };

type DraftOne<K> = K extends keyof Scalars ? Scalars[K] : K extends MessageName ? Draft<K> : never;
type DraftMany<K> = K extends keyof TypedLists
  ? TypedLists[K] | readonly ListElements[K][]
  : readonly DraftOne<K>[];

/** A message to encode: as `Message`, but any field may be left out, and lists of numbers may be plain arrays. */
export type Draft<N extends MessageName> = {
  readonly [F in keyof Table[N]]?:
    | (IsList<Table[N][F]> extends true ? DraftMany<Kind<N, F>> : DraftOne<Kind<N, F>>)
    | undefined;
} & { readonly [unknownFields]?: readonly Uint8Array[] | undefined };

export type ModelProto = Message<"ModelProto">;
export type GraphProto = Message<"GraphProto">;
export type NodeProto = Message<"NodeProto">;
export type AttributeProto = Message<"AttributeProto">;
export type TensorProto = Message<"TensorProto">;
export type SparseTensorProto = Message<"SparseTensorProto">;
export type ValueInfoProto = Message<"ValueInfoProto">;
export type TypeProto = Message<"TypeProto">;
export type TensorShapeProto = Message<"TensorShapeProto">;
export type Dimension = Message<"TensorShapeProto.Dimension">;
export type OperatorSetIdProto = Message<"OperatorSetIdProto">;
export type StringStringEntryProto = Message<"StringStringEntryProto">;
export type FunctionProto = Message<"FunctionProto">;
export type TrainingInfoProto = Message<"TrainingInfoProto">;
export type SequenceProto = Message<"SequenceProto">;
export type MapProto = Message<"MapProto">;
export type OptionalProto = Message<"OptionalProto">;
