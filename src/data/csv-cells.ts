/** A row of a csv file: its cells as text, and the line that it starts on (from 1). */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * Splits csv text into rows (RFC 4180): cells in double quotes may hold the delimiter, line ends and doubled quotes.
 * Rows end with LF, CRLF or CR; empty lines are skipped; blanks around unquoted cells are dropped. Throws, in one
 * line that starts with `what`, for a quote that is never closed and for text after a closing quote.
 */
export function csvRows(text: string, what: string, delimiter = ","): CsvRow[] {
  const rows: CsvRow[] = [];
  const plainEnd = new RegExp(`[${delimiter === "\t" ? "\\t" : `\\${delimiter}`}\\r\\n]`, "g");
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;
  let row: { line: number; cells: string[] } = { line, cells: [] };
  while (at < text.length || row.cells.length > 0) {
    const cell = text[at] === '"' ? quoted(text, at, line, what) : plain(text, at, plainEnd);
    at = cell.end;
    line += cell.lines;
    const next = text[at];
    if (next !== undefined && next !== delimiter && next !== "\n" && next !== "\r") {
      throw new TypeError(
        `${what}: line ${line}: a quoted cell is followed by ${JSON.stringify(next)}, ${JSON.stringify(delimiter)} or the line's end is expected: double the quotes inside cells`,
      );
    }
    row.cells.push(cell.text);
    if (next === delimiter) {
      at++;
      continue;
    }
    at += next === "\r" && text[at + 1] === "\n" ? 2 : 1;
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
    line++;
    row = { line, cells: [] };
  }
  return rows;
}

interface Cell {
  readonly text: string;
  readonly end: number;
  /** Line ends inside the cell. */
  readonly lines: number;
}

function plain(text: string, at: number, end: RegExp): Cell {
  end.lastIndex = at;
  const stop = end.exec(text)?.index ?? text.length;
  return { text: text.slice(at, stop).trim(), end: stop, lines: 0 };
}

function quoted(text: string, at: number, line: number, what: string): Cell {
  let close = text.indexOf('"', at + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  if (close < 0) {
    throw new TypeError(`${what}: line ${line}: a quote is opened and never closed: close it, or double it`);
  }
  const inside = text.slice(at + 1, close);
  const lines = inside.match(/\r\n|\r|\n/g)?.length ?? 0;
  return { text: inside.replaceAll('""', '"'), end: close + 1, lines };
}
