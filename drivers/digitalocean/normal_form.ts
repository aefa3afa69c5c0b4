/** The other way to write the token, which the guide keeps for older castfiles. @module */
import type { FieldIssue } from "../../model/error.ts";
import { isName } from "../../model/name.ts";
import { refuseIssues, unknownParameters } from "../parameters.ts";
import { DO_VOLUME_PARAMETERS } from "./parameters.ts";

/** The key that `apiTokenSecretRef` names without saying so. */
const KEY = "token";
const DRIVER = { driver: "do-volume", known: Object.keys(DO_VOLUME_PARAMETERS) };

/**
 * Replaces `apiTokenSecretRef: <namespace>/<secret>` by `apiToken`. Refuses unknown parameters too: a class
 * is not validated, and a token under a mistyped key would not be masked.
 *
 * @throws {RuneError} `invalid_argument` with one issue for each mistake. No issue repeats a value.
 */
export function normalizeParameters(parameters: Record<string, string>): Record<string, string> {
  const issues: FieldIssue[] = unknownParameters(parameters, DRIVER);
  if (!Object.hasOwn(parameters, "apiTokenSecretRef")) {
    refuseIssues(DRIVER.driver, issues);
    return parameters;
  }
  const { apiTokenSecretRef: text, ...rest } = parameters;
  const [namespace, name, ...more] = text!.split("/");
  if (Object.hasOwn(rest, "apiToken")) {
    issues.push({
      path: ["apiTokenSecretRef"],
      message: "expected apiToken or apiTokenSecretRef, found both",
      hint: "leave out apiTokenSecretRef",
    });
  } else if (!isName(namespace ?? "") || !isName(name ?? "") || more.length > 0) {
    issues.push({
      path: ["apiTokenSecretRef"],
      message: "expected <namespace>/<secret>",
      hint: "or write apiToken: secret:<name>.<namespace>.rune/<key>",
    });
  }
  refuseIssues(DRIVER.driver, issues);
  return { ...rest, apiToken: `secret:${name}.${namespace}.rune/${KEY}` };
}
