/** HTML that is safe to put into a page. */
export interface Html {
  readonly text: string;
}

/** Text that is markup already. Only for strings of our own making. */
export function raw(text: string): Html {
  return { text };
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => entities[c]!);
}

/** A template whose strings are escaped; only `Html` goes in as it is. */
export function html(parts: TemplateStringsArray, ...values: readonly (string | Html)[]): Html {
  const text = parts.map((part, i) => {
    const value = values[i];
    return part + (value === undefined ? "" : typeof value === "string" ? escapeHtml(value) : value.text);
  });
  return { text: text.join("") };
}

export function join(list: readonly Html[]): Html {
  return { text: list.map((h) => h.text).join("") };
}
