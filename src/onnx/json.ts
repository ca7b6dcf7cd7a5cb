import { quoted } from "./raw.ts";
import { utf8Size } from "./writer.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A .safetensors header: one JSON object, as a map from its keys to their values. Stricter than JSON.parse, as the reference
 * implementation is: it begins with "{", is valid UTF-8, no object has a key twice, and numbers are whole, from 0, without
 * fraction or exponent.
 */
export function parseHeader(bytes: Uint8Array): Map<string, unknown> {
  if (bytes[0] !== 0x7b)
    throw new Error('safetensors: the header does not begin with "{": this is no .safetensors file');
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new Error("safetensors: the header is not valid UTF-8: the file is damaged");
  }
  let value: object;
  try {
    value = JSON.parse(text) as object;
  } catch (error) {
    const reason = (error as Error).message.replace(/\s+/g, " ").slice(0, 120);
    throw new Error(`safetensors: the header is not valid JSON (${reason}): the file is damaged`);
  }
  checkTokens(text);
  return new Map(Object.entries(value));
}

/** Looks at the tokens of a text that is known to be JSON for what JSON.parse lets pass. */
function checkTokens(text: string): void {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; ) {
    const c = text[i]!;
    if (c === "{") open.push(new Set());
    else if (c === "}") open.pop();
    if (c === '"') {
      const end = stringEnd(text, i);
      const next = skipSpace(text, end);
      const string = JSON.parse(text.slice(i, end)) as string;
      if (utf8Size(string) < 0)
        throw new Error(`safetensors: the header has the text ${quoted(string)} with half a surrogate pair`);
      if (text[next] === ":") addKey(open.at(-1)!, string);
      i = next;
    } else if (c === "-" || isDigit(c)) i = checkNumber(text, i);
    else i++;
  }
}

function addKey(keys: Set<string>, key: string): void {
  if (keys.has(key))
    throw new Error(
      `safetensors: the header has the key ${quoted(key)} twice: which is meant cannot be known`,
    );
  keys.add(key);
}

function checkNumber(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text[end]!)) end++;
  if (end === start || ".eE".includes(text[end] ?? " ")) {
    throw new Error(
      `safetensors: the header has the number ${text.slice(start, start + 20).split(/[,\]}\s]/)[0]}, expected a whole number from 0`,
    );
  }
  return end;
}

/** The place behind the string that begins here. */
function stringEnd(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}

function skipSpace(text: string, start: number): number {
  let i = start;
  while (i < text.length && text.charCodeAt(i) <= 0x20) i++;
  return i;
}

function isDigit(c: string): boolean {
  return c >= "0" && c <= "9";
}
