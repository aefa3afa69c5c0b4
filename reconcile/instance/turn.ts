/**
 * What an instance does that may not run beside the one that it replaces (one that writes the same volume, or
 * has the same port): it makes sure that it can start, and waits until the other one is gone. The other one
 * is stopped only after that.
 * @module
 */
import { instanceName } from "../../model/instance_name.ts";
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import { toPending, underWay } from "./status.ts";
import type { InstanceStep, InstanceView } from "./view.ts";

/** The name of the instance that it replaces. */
const predecessorOf = ({ spec }: Instance) => instanceName(spec.service, { ...spec, successor: false });

/** What it says when something is missing: that nothing was stopped for it. */
export function cannotReplace(instance: Instance, why: string): string {
  return `it cannot replace ${predecessorOf(instance)}, which keeps running: ${why}`;
}

/**
 * Decides what an instance does that awaits its turn.
 *
 * @param blocked its status where its volumes would keep it from starting.
 */
export function planTurn(view: InstanceView, blocked: InstanceStatus | undefined): InstanceStep {
  const { instance, missingConfig } = view;
  const { preparedAt, ...status } = instance.status;
  const problem = missingConfig === undefined ? blocked : toPending(status, "ConfigMissing", missingConfig);
  if (problem) {
    const { preparedAt: _, ...told } = problem;
    const message = told.reason === undefined ? told.message! : cannotReplace(instance, told.message!);
    return { do: "settle", status: { ...told, message } };
  }
  if (preparedAt === undefined) return { do: "prepare" };
  return {
    do: "settle",
    status: underWay(
      instance.status,
      `it is prepared, and starts when ${predecessorOf(instance)} has stopped`,
    ),
  };
}

/** Its status once everything is prepared. */
export function preparedStatus(status: InstanceStatus, now: Date): InstanceStatus {
  const { reason: _r, message: _m, nextAttemptAt: _n, ...kept } = status;
  return { ...kept, state: "Pending", ready: false, launchFailures: 0, preparedAt: now.toISOString() };
}
