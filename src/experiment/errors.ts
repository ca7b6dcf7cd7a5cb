/** A mistake in what the user asked for (a name, an option, a configuration value): the command line exits with 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}
