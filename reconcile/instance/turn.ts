/**
 * Plans for an instance that may not run beside the one it replaces, because both write the same volume or
 * use the same port. It first makes sure that it can start. Only then is the old instance stopped, and the
 * new one waits until the old one is gone.
 * @module
 */
import { instanceName } from "../../model/instance_name.ts";
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import { toPending, underWay } from "./status.ts";
import type { InstanceStep, InstanceView } from "./view.ts";

/** The name of the instance to replace. */
const predecessorOf = ({ spec }: Instance) => instanceName(spec.service, { ...spec, successor: false });

/** The message when something is missing. It says that the old instance keeps running. */
export function cannotReplace(instance: Instance, why: string): string {
  return `it cannot replace ${predecessorOf(instance)}, which keeps running: ${why}`;
}

/**
 * Plans the next step of an instance that awaits its turn.
 *
 * @param blocked its status if its volumes would keep it from starting.
 */
export function planTurn(view: InstanceView, blocked: InstanceStatus | undefined): InstanceStep {
  const { instance, missingConfig } = view;
  const { preparedAt, ...status } = instance.status;
  const problem = missingConfig === undefined ? blocked : toPending(status, "ConfigMissing", missingConfig);
  if (problem) {
    const { preparedAt: _, ...waiting } = problem;
    const message = waiting.reason === undefined
      ? waiting.message!
      : cannotReplace(instance, waiting.message!);
    return { do: "settle", status: { ...waiting, message } };
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

/** The status once everything is prepared. */
export function preparedStatus(status: InstanceStatus, now: Date): InstanceStatus {
  const { reason: _r, message: _m, nextAttemptAt: _n, ...kept } = status;
  return { ...kept, state: "Pending", ready: false, launchFailures: 0, preparedAt: now.toISOString() };
}
