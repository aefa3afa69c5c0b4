import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { errorLines } from "./errors.ts";
import { exitCodeOf, UsageError } from "./exit_codes.ts";

Deno.test("errorLines() says what failed, each field, and what to do, in this order", () => {
  const error = new RuneError("invalid_argument", "web.yaml is not valid", {
    hint: "correct it",
    issues: [
      {
        path: ["volumes", 0, "claim"],
        message: "expected a map",
        hint: "did you mean",
        file: "web.yaml",
        line: 4,
        column: 3,
      },
      { path: [], message: "required" },
      { path: ["scale"], message: "expected a number" },
    ],
  });
  assert.deepEqual(errorLines(error), [
    "error: web.yaml is not valid",
    "web.yaml:4:3: volumes[0].claim: expected a map (did you mean)",
    "required",
    "scale: expected a number",
    "hint: correct it",
  ]);
});

Deno.test("errorLines() does not repeat the message of a single field", () => {
  const field = { path: ["size"], message: "it cannot grow", hint: "leave it" };
  const error = (issues: typeof field[]) =>
    new RuneError("invalid_argument", "volume v: size: it cannot grow", { issues });
  assert.deepEqual(errorLines(error([field])), [
    "error: volume v: size: it cannot grow",
    "hint: leave it",
  ]);
  assert.equal(errorLines(error([field, field])).length, 3);
});

Deno.test("errorLines() makes one line of a foreign error", () => {
  assert.deepEqual(errorLines(new TypeError("x is not a function")), ["error: x is not a function"]);
  assert.deepEqual(errorLines("text"), ["error: text"]);
});

Deno.test("exitCodeOf() follows the table of exit codes", () => {
  const cases: [unknown, number][] = [
    [new UsageError("no"), 2],
    [new RuneError("unauthenticated", ""), 3],
    [new RuneError("permission_denied", ""), 3],
    [new RuneError("not_found", ""), 4],
    [new RuneError("already_exists", ""), 5],
    [new RuneError("conflict", ""), 5],
    [new RuneError("invalid_argument", ""), 6],
    [new RuneError("deadline_exceeded", ""), 7],
    [new DOMException("late", "TimeoutError"), 7],
    [new RuneError("unavailable", ""), 1],
    [new Error("any"), 1],
  ];
  for (const [error, code] of cases) assert.equal(exitCodeOf(error), code, String(error));
});

Deno.test("errorLines() does not repeat the field in the message, and lists the others", () => {
  const at = (line: number, message: string, hint?: string) => ({
    path: ["server"],
    message,
    ...(hint !== undefined && { hint }),
    file: "r.yaml",
    line,
    column: 3,
  });
  const issues = [at(2, 'unknown field "a"', "remove it"), at(3, "expected a map")];
  const error = new RuneError("invalid_argument", 'r.yaml:2:3: server: unknown field "a" (and 1 more)', {
    issues,
  });
  assert.deepEqual(errorLines(error), [
    'error: r.yaml:2:3: server: unknown field "a" (and 1 more)',
    "r.yaml:3:3: server: expected a map",
    "hint: remove it",
  ]);
});
