import { hostname } from "node:os";
import { join } from "node:path";
import { AppendFile } from "./append-file.node.ts";
import type { Logger } from "./logger.ts";
import { scalarsRecord, sessionRecord, versionRecord } from "./tfevents.ts";

let counter = 0;

/**
 * An event file that TensorBoard reads: `tensorboard --logdir runs`. Each process writes a file of its own into the folder; where a
 * training goes on from a checkpoint, the new file says so, and TensorBoard drops what an older one has of the steps to come. Written
 * at most once a second, and before every checkpoint.
 *
 * ```ts
 * await fit({ ..., log: [tensorboard("runs/first")] });
 * ```
 */
export function tensorboard(folder: string): Logger {
  const seconds = () => Date.now() / 1000;
  const name = `events.out.tfevents.${Math.floor(seconds())}.${hostname()}.${process.pid}.${counter++}`;
  const file = new AppendFile(join(folder, name), "TensorBoard file");
  return {
    start: (step) => {
      file.add(versionRecord(seconds()));
      file.add(sessionRecord(seconds(), step === 0 ? 0 : step + 1));
    },
    log: (step, values) => file.add(scalarsRecord(seconds(), step, values)),
    flush: () => file.flush(),
    close: () => file.flush(),
  };
}
