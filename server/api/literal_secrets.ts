/** Warns of secrets that stand in a declaration itself. @module */
import { type AnyResource, describeKey } from "../../model/resource.ts";
import { findSecrets } from "../auth/secret_parameters.ts";

/** The most warnings for one cast, which may have thousands of resources. */
const MOST = 20;

/**
 * Returns the warnings after a cast, one sentence each.
 *
 * @param resources the resources that the cast wrote, or would write.
 */
export function warnOfLiteralSecrets(resources: AnyResource[]): string[] {
  const warnings = resources.flatMap((resource) =>
    findSecrets(resource.spec).map((path) =>
      `${resource.kind} ${describeKey(resource)} holds a secret in ${path}, which is stored unencrypted, ` +
      "also in backups; write secret:<name>.<namespace>.rune/<key> instead"
    )
  );
  const more = warnings.length - MOST;
  return more > 0 ? [...warnings.slice(0, MOST), `and ${more} more that hold a secret`] : warnings;
}
