/**
 * A number to three significant digits: `7.6e-5`, `0.0213`, `18.9`, `1235`. Whole numbers below ten million are written
 * in full. The sign of a negative number is a true minus sign.
 */
export function formatNumber(x: number, digits = 3): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  return (x < 0 ? "−" : "") + formatSize(size, digits);
}

function formatSize(size: number, digits: number): string {
  if (Number.isInteger(size) && size < 1e7) return String(size);
  if (size < 1e-3 || size >= 1e7) {
    const [mantissa, exponent] = size.toExponential(digits - 1).split("e") as [string, string];
    return `${stripZeros(mantissa)}e${Number(exponent)}`;
  }
  const rounded = Number(size.toPrecision(digits));
  return size >= 10 ** (digits - 1) ? String(Math.round(size)) : stripZeros(rounded.toPrecision(digits));
}

function stripZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** How a column of a table shows its numbers; `number` (three significant digits) unless it says otherwise. */
export type ColumnFormat = "number" | "integer" | "percent" | "scientific";

/** One cell of a table as text; null is shown as a dash. `percent` takes fractions: 0.5 is 50 %. */
export function formatCell(value: string | number | null, format: ColumnFormat = "number"): string {
  if (value === null) return "–";
  if (typeof value === "string") return value;
  if (!Number.isFinite(value)) return formatNumber(value);
  if (format === "integer") return formatNumber(Math.round(value));
  if (format === "percent") return `${formatNumber(value * 100)} %`;
  if (format === "scientific" && value !== 0) {
    const [mantissa, exponent] = value.toExponential(2).split("e") as [string, string];
    return `${mantissa.replace("-", "−")}e${Number(exponent)}`;
  }
  return formatNumber(value);
}

/** A length of time: `42 ms`, `1.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const two = (n: number): string => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** A file's size: `812 B`, `3.4 kB`, `12 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : stripZeros(value.toPrecision(value >= 100 ? 3 : 2))} ${units[unit]}`;
}
