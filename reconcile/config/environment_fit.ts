/**
 * Refuses to start what Linux would refuse, with what is too large: of values that come from secrets only a
 * launch knows it.
 * @module
 */
import { findTooLarge, TOO_LARGE_HINT } from "../../model/environment_size.ts";
import { RuneError } from "../../model/error.ts";
import type { InitStep } from "../../model/init_step.ts";
import type { InstanceTemplate } from "../../model/instance.ts";

/**
 * Checks what a run, or an init step of it, is given.
 *
 * @param env all variables, with the values of secrets.
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
