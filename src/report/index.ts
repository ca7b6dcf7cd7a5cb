/** A run as HTML and as terminal text. */
export { commandOf, type Repeatable } from "./command.ts";
export { type ReportedRun, reportHtml } from "./html.ts";
export { claimsText, tableText, verdictText } from "./terminal.ts";
export { paint, type TextStyle, textTable } from "./text.ts";
export { tally, verdictMarks } from "./verdict.ts";
