/** Formats failures: what failed, each wrong field with its position, and what to do. @module */
import { type FieldIssue, toRuneError } from "../../model/error.ts";
import { formatPath } from "../../model/field_issues.ts";
import type { Terminal } from "./terminal.ts";

/** `web.yaml:4:3`; empty without a file. */
const placeOf = ({ file, line, column }: FieldIssue): string =>
  file === undefined ? "" : [file, line, column].filter((part) => part !== undefined).join(":");

/** One wrong field: `web.yaml:4:3: volumes[0].claim: message (hint)`. */
function formatIssue(issue: FieldIssue): string {
  const place = placeOf(issue);
  const text = issue.hint === undefined ? issue.message : `${issue.message} (${issue.hint})`;
  return [place, formatPath(issue.path), text].filter((part) => part !== "").join(": ");
}

/** The lines of a failure: `error: …`, its fields, and `hint: …`. */
export function errorLines(error: unknown): string[] {
  const { message, issues = [], hint } = toRuneError(error);
  // An error about a single field already says everything in its first line.
  const said = issues.find((issue) =>
    message.includes(issue.message) &&
    (issue.file === undefined ? issues.length === 1 : message.includes(placeOf(issue)))
  );
  const todo = hint ?? said?.hint;
  return [
    `error: ${message.trim()}`,
    ...issues.filter((issue) => issue !== said).map(formatIssue),
    ...(todo === undefined ? [] : [`hint: ${todo}`]),
  ];
}

/** Prints a failure on standard error, with the stack if RUNE_DEBUG=1. */
export function printError(terminal: Terminal, error: unknown): void {
  const lines = errorLines(error);
  if (terminal.env("RUNE_DEBUG") === "1" && error instanceof Error) lines.push(error.stack ?? "");
  // A message of several lines must not look like one of our hints.
  terminal.err(lines.map((line) => line.replaceAll("\n", "\n  ") + "\n").join(""));
}
