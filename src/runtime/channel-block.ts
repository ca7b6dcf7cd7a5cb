import type { Tensor as OrtTensor } from "onnxruntime-common";
import { emitModel } from "../onnx/emit.ts";
import { encodeMessage } from "../onnx/wire.ts";
import { applyUnknown, Tensor } from "../tensor/tensor.ts";
import type { Loaded } from "./backend.ts";

const CHANNELS = 16;

/** Two places of 16 channels, brought into the blocked layout. */
function probe(): Uint8Array {
  const x = Tensor.input([1, CHANNELS, 1, 2], "float32");
  const [y] = applyUnknown("ReorderInput", "com.microsoft.nchwc", [x], { channels_last: 0 }, [x]);
  const model = emitModel({ inputs: [{ name: "x", tensor: x }], outputs: [{ name: "y", tensor: y! }] });
  return encodeMessage("ModelProto", model);
}

/**
 * How many channels the blocked layout of ONNX Runtime has side by side on this processor, found out by making it: channel c of place p,
 * given as 2 c + p, is then at (c / block) * 2 block + p block + c % block. 1 where there is no such layout.
 */
export async function findChannelBlock(
  load: (model: Uint8Array) => Promise<Loaded>,
  tensorOf: (data: Float32Array, shape: number[]) => OrtTensor,
): Promise<number> {
  try {
    const session = await load(probe());
    const given = Float32Array.from({ length: 2 * CHANNELS }, (_, i) => i);
    const { y } = await session.run({ x: tensorOf(given, [1, CHANNELS, 1, 2]) });
    await session.release();
    const at = Array.from(y!.data as Float32Array).indexOf(1);
    return at === 8 || at === 16 ? at : 1;
  } catch {
    return 1;
  }
}
