import type { TextStyle } from "../report/text.ts";

/** What a command touches of the process, so that tests can stand in for it. */
export interface Io {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Call on SIGINT and SIGTERM; returns how to stop listening. */
  onInterrupt(handler: () => void): () => void;
  /** End the process at once. */
  exit(code: number): never;
}

export interface Output {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

/** How to write text on an output: colour only on a terminal and without NO_COLOR, at most 120 columns. */
export function styleOf(io: Io, output: Output): TextStyle {
  const colour = output.isTTY && (io.env.NO_COLOR ?? "") === "" && io.env.TERM !== "dumb";
  return { colour, width: Math.max(40, Math.min(120, output.columns)) };
}

/** This process. A reader that closes the pipe early (`| head`) ends it quietly. */
export function processIo(): Io {
  const output = (stream: NodeJS.WriteStream): Output => {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
    return {
      isTTY: stream.isTTY === true,
      get columns() {
        return stream.columns ?? 100;
      },
      write: (text) => void stream.write(text),
    };
  };
  return {
    cwd: process.cwd(),
    env: process.env,
    stdout: output(process.stdout),
    stderr: output(process.stderr),
    onInterrupt: (handler) => {
      const signals = ["SIGINT", "SIGTERM"] as const;
      for (const s of signals) process.on(s, handler);
      return () => {
        for (const s of signals) process.off(s, handler);
      };
    },
    exit: (code) => process.exit(code),
  };
}
