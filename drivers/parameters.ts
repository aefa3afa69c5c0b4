/** Checks of volume parameters that all drivers share. @module */
import { type FieldIssue, RuneError } from "../model/error.ts";
import { didYouMean } from "../model/suggest.ts";

/** Finds parameters that the driver does not know. */
export function unknownParameters(
  parameters: Record<string, string>,
  options: { driver: string; known: string[] },
): FieldIssue[] {
  const { driver, known } = options;
  return Object.keys(parameters).filter((key) => !known.includes(key)).map((key) => ({
    path: [key],
    message: `the driver ${driver} has no parameter "${key}"`,
    hint: didYouMean(key, known) ?? "remove it",
  }));
}

/** Finds flags that are set and neither `"true"` nor `"false"`. */
export function wrongFlags(parameters: Record<string, string>, flags: readonly string[]): FieldIssue[] {
  return flags.filter((key) => !["true", "false", undefined].includes(parameters[key]))
    .map((key) => ({ path: [key], message: 'expected "true" or "false"' }));
}

/** Throws `invalid_argument` with the issues, if there are any. */
export function refuseIssues(driver: string, issues: FieldIssue[]): void {
  const [first] = issues;
  if (first === undefined) return;
  throw new RuneError("invalid_argument", `parameters of the driver ${driver}: ${first.message}`, {
    hint: first.hint,
    issues,
  });
}

/**
 * Returns the parameters, and throws if the driver does not know one. Of a class too, since nobody would know
 * that the value of such a parameter is a secret.
 */
export function refuseUnknown(
  parameters: Record<string, string>,
  options: Parameters<typeof unknownParameters>[1],
): Record<string, string> {
  refuseIssues(options.driver, unknownParameters(parameters, options));
  return parameters;
}
