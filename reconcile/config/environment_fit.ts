/**
 * Refuses to start a program whose arguments or environment are too large for Linux, and names what is too
 * large. Only a launch can check this, because it knows the values of secrets.
 * @module
 */
import { findTooLarge, TOO_LARGE_HINT } from "../../model/environment_size.ts";
import { RuneError } from "../../model/error.ts";
import type { InitStep } from "../../model/init_step.ts";
import type { InstanceTemplate } from "../../model/instance.ts";

/**
 * Checks the arguments and environment of a run or an init step.
 *
 * @param env all variables, including the values of secrets.
 * @throws {RuneError} `failed_precondition` (not permanent: a configmap or secret may change).
 */
export function requireFits(
  { template, step }: { template: InstanceTemplate; step?: InitStep | undefined },
  env: Record<string, string>,
): void {
  const { process, command = [], args = [] } = template;
  const words = step
    ? [...step.command, ...step.args]
    : process
    ? [process.command, ...process.args]
    : [...command, ...args];
  const [first] = findTooLarge({ words, env });
  if (!first) return;
  throw new RuneError("failed_precondition", first.message, { hint: TOO_LARGE_HINT, permanent: false });
}
