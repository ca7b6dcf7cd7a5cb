import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { file, float, node } from "../../test/onnx-file.ts";
import { loadModel } from "../runtime/load-model.ts";
import { openModel } from "./open.node.ts";
import { createMessage, decodeMessage, encodeMessage } from "./wire.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paperweight-"));
  mkdirSync(join(folder, "model", "data"), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const values = new Uint8Array(Float32Array.of(9, 1, 2).buffer);

/** A model whose two weights stand at byte 4 of another file. */
function written(location: string, length = "8"): string {
  const model = decodeMessage(
    "ModelProto",
    file({
      inputs: { x: [2] },
      outputs: { y: [2] },
      nodes: [node("Add", ["x", "w"], ["y"])],
      weights: { w: float([0, 0]) },
    }),
  );
  const tensor = model.graph!.initializer[0]!;
  delete tensor.rawData;
  tensor.dataLocation = 1;
  tensor.externalData = Object.entries({ location, offset: "4", length }).map(([key, value]) =>
    createMessage("StringStringEntryProto", { key, value }),
  );
  const path = join(folder, "model", "model.onnx");
  writeFileSync(path, encodeMessage("ModelProto", model));
  return path;
}

describe("weights beside the model", () => {
  test("are read from its folder and those below", async () => {
    writeFileSync(join(folder, "model", "data", "w.bin"), values);
    const model = openModel(written("data/w.bin"));
    expect(model.init().w!.toNested()).toEqual([1, 2]);
    // From memory, ONNX Runtime has no folder: the model is loaded in one piece.
    const session = await loadModel(model, { threads: 1 });
    expect((await session.run({ x: float([10, 20]) })).y!.toNested()).toEqual([11, 22]);
    await session.dispose();
  });

  test("unchanged, the file keeps its reference; a changed weight moves into it", () => {
    writeFileSync(join(folder, "model", "w.bin"), values);
    const model = openModel(written("w.bin"));
    expect(model.withWeights(model.init())).toEqual(model.bytes);
    const [tensor] = decodeMessage("ModelProto", model.withWeights({ w: float([5, 6]) })).graph!.initializer;
    expect(tensor).toMatchObject({ externalData: [], rawData: new Uint8Array(Float32Array.of(5, 6).buffer) });
    expect(tensor!.dataLocation).toBeUndefined();
  });

  test("are not read from outside of it, through a link neither", () => {
    writeFileSync(join(folder, "secret.bin"), values);
    symlinkSync(join(folder, "secret.bin"), join(folder, "model", "w.bin"));
    symlinkSync(folder, join(folder, "model", "up"));
    for (const location of ["w.bin", "up/secret.bin"])
      expect(() => openModel(written(location)).init()).toThrow(
        `"${location}": it lies outside of the model's folder`,
      );
    expect(() => openModel(written("../secret.bin")).init()).toThrow("is not a plain path");
  });

  test("that are missing, short or no file are named", () => {
    expect(() => openModel(written("none.bin")).init()).toThrow(
      'external data "none.bin": there is no such file',
    );
    expect(() => openModel(written("data")).init()).toThrow('external data "data": it is no regular file');
    writeFileSync(join(folder, "model", "w.bin"), values.subarray(0, 8));
    expect(() => openModel(written("w.bin")).init()).toThrow("bytes 4 to 12 are wanted, the file has 8");
  });
});
