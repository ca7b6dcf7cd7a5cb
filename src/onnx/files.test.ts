import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { tensorToNDArray } from "./tensors.ts";
import { decodeMessage, encodeMessage } from "./wire.ts";

const data = process.env.PAPERWEIGHT_DATA;
const folder = data === undefined ? undefined : join(data, "onnx-models");
if (folder === undefined)
  console.log("files.test.ts: skipped, PAPERWEIGHT_DATA names no folder of data sets");

/** Models by their folder's name; empty where there is no data. */
const names =
  folder === undefined
    ? []
    : readdirSync(folder).filter((name) => existsSync(join(folder, name, "model.onnx")));
const read = (...path: string[]): Uint8Array => readFileSync(join(folder!, ...path));

describe.skipIf(names.length === 0)("models of other exporters", () => {
  test.each(names)("%s comes back equal, and byte by byte", (name) => {
    const bytes = read(name, "model.onnx");
    const model = decodeMessage("ModelProto", bytes);
    const again = encodeMessage("ModelProto", model);
    expect(isDeepStrictEqual(decodeMessage("ModelProto", again), model)).toBe(true);
    expect(Buffer.compare(again, bytes)).toBe(0);
  });

  test.each(names)("%s: every initialiser that an NDArray can hold becomes one", (name) => {
    const { initializer } = decodeMessage("ModelProto", read(name, "model.onnx")).graph!;
    for (const proto of initializer) expect(tensorToNDArray(proto).shape).toEqual(proto.dims);
  });
});

describe.skipIf(!names.includes("mnist-8"))("mnist-8 after a round trip", () => {
  test("gives the stored output in ONNX Runtime", async () => {
    const model = encodeMessage("ModelProto", decodeMessage("ModelProto", read("mnist-8", "model.onnx")));
    const session = await InferenceSession.create(model);
    const tensor = (file: string) =>
      tensorToNDArray(decodeMessage("TensorProto", read("mnist-8", "test_data_set_0", file)));
    const input = tensor("input_0.pb");
    const expected = tensor("output_0.pb");
    const feeds = {
      [session.inputNames[0]!]: new Tensor("float32", input.data as Float32Array, input.shape),
    };
    const output = (await session.run(feeds))[session.outputNames[0]!]!;
    expect(output.dims).toEqual(expected.shape);
    const got = output.data as Float32Array;
    for (let i = 0; i < got.length; i++)
      expect(Math.abs(got[i]! - Number(expected.data[i]))).toBeLessThan(1e-2);
    await session.release();
  });
});
