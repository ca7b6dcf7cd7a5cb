/** Laying out text in a terminal: widths, wrapping, columns, colour. */

export interface TextStyle {
  /** Columns available. */
  readonly width: number;
  readonly colour: boolean;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Ink = keyof typeof codes;

/** The text in a colour or weight, where the style has colour. */
export function paint(style: TextStyle, ink: Ink, text: string): string {
  return style.colour && text !== "" ? `\u001b[${codes[ink]}m${text}\u001b[0m` : text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const escapes = /\u001b\[[0-9;]*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text from outside (a file, an error) without what a terminal would obey. */
export function harmless(text: string): string {
  return text.replace(controls, "");
}

/** Columns that a text takes: colour codes and combining marks take none, wide characters two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const c of text.replace(escapes, "")) {
    if (/\p{Mark}/u.test(c)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        c,
      )
        ? 2
        : 1;
  }
  return width;
}

/** Lines of at most `width` columns, broken between words (inside one where it is longer than a line). */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(/\s+/).filter((w) => w !== "")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== "") lines.push(line);
    while (widthOf(word) > width) {
      const head = [...word].slice(0, Math.max(1, width));
      lines.push(head.join(""));
      word = [...word].slice(head.length).join("");
    }
    line = word;
  }
  if (line !== "" || lines.length === 0) lines.push(line);
  return lines;
}

export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "left" ? text + space : space + text;
}

/** The text cut to a width, with an ellipsis where something was cut. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  for (const c of text) {
    if (widthOf(kept + c) > width - 1) break;
    kept += c;
  }
  return `${kept}…`;
}

export interface TextColumn {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Takes the space that is left and wraps. One column of a table may. */
  readonly flex?: boolean;
  /** The most it takes; longer cells wrap. */
  readonly most?: number;
  readonly ink?: Ink;
}

const GAP = 2;

/** A table with a dim head and aligned columns, indented by two, wrapped to the style's width. */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  style: TextStyle,
): string {
  const widths = columnWidths(columns, rows, style.width - 2);
  const line = (cells: readonly string[], inks: readonly (Ink | undefined)[]): string => {
    const wrapped = cells.map((c, i) => wrapCell(c, widths[i]!));
    const height = Math.max(...wrapped.map((w) => w.length));
    const lines = Array.from({ length: height }, (_, k) => {
      const parts = wrapped.map((w, i) => {
        const cell = pad(w[k] ?? "", widths[i]!, columns[i]!.align);
        const ink = inks[i];
        return ink === undefined ? cell : paint(style, ink, cell);
      });
      return `  ${parts.join(" ".repeat(GAP))}`.trimEnd();
    });
    return lines.join("\n");
  };
  const head = line(
    columns.map((c) => c.title),
    columns.map(() => "dim" as const),
  );
  return [
    head,
    ...rows.map((r) =>
      line(
        r,
        columns.map((c) => c.ink),
      ),
    ),
  ].join("\n");
}

function wrapCell(text: string, width: number): string[] {
  return text
    .split("\n")
    .flatMap((part) => (part.includes("\u001b[") || widthOf(part) <= width ? [part] : wrap(part, width)));
}

function columnWidths(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  const natural = columns.map((c, i) => {
    const cells = [c.title, ...rows.map((r) => r[i] ?? "")].flatMap((t) => t.split("\n"));
    return Math.min(c.most ?? Number.POSITIVE_INFINITY, Math.max(...cells.map(widthOf)));
  });
  let excess = natural.reduce((a, b) => a + b, GAP * (columns.length - 1)) - width;
  const order = columns
    .map((_, i) => i)
    .sort((a, b) => Number(columns[b]!.flex ?? false) - Number(columns[a]!.flex ?? false));
  for (const i of order) {
    if (excess <= 0) break;
    const least = Math.min(natural[i]!, columns[i]!.flex === true ? 16 : 8);
    const less = Math.min(excess, natural[i]! - least);
    natural[i]! -= less;
    excess -= less;
  }
  return natural;
}
