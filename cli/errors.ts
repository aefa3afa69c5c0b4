/** How a failure looks: what failed, each wrong field with its place, what to do. @module */
import { type FieldIssue, toRuneError } from "../spec/error.ts";
import { formatPath } from "../spec/field_issues.ts";
import type { Terminal } from "./terminal.ts";

/** One wrong field: `web.yaml:4:3: volumes[0].claim: message (hint)`. */
function formatIssue(issue: FieldIssue): string {
  const place = issue.file === undefined
    ? ""
    : [issue.file, issue.line, issue.column].filter((part) => part !== undefined).join(":");
  const text = issue.hint === undefined ? issue.message : `${issue.message} (${issue.hint})`;
  return [place, formatPath(issue.path), text].filter((part) => part !== "").join(": ");
}

/** The lines that tell of a failure, the first and the last colourless of detail: `error: …` and `hint: …`. */
export function errorLines(error: unknown): string[] {
  const { message, issues = [], hint } = toRuneError(error);
  const only = issues.length === 1 ? issues[0]! : undefined;
  // The daemon's sentence for a single field says it all.
  const said = only !== undefined && only.file === undefined && message.includes(only.message);
  const todo = hint ?? (said ? only.hint : undefined);
  return [
    `error: ${message.trim()}`,
    ...(said ? [] : issues.map(formatIssue)),
    ...(todo === undefined ? [] : [`hint: ${todo}`]),
  ];
}

/** Prints a failure on standard error; the stack only with RUNE_DEBUG=1. */
export function printError(terminal: Terminal, error: unknown): void {
  const lines = errorLines(error);
  if (terminal.env("RUNE_DEBUG") === "1" && error instanceof Error) lines.push(error.stack ?? "");
  // A message of several lines must not pass for a hint of ours.
  terminal.err(lines.map((line) => line.replaceAll("\n", "\n  ") + "\n").join(""));
}
