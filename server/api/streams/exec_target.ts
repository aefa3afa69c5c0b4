/**
 * Picks the run that an exec command enters, checks the right to it, and watches it, since a name can pass to
 * another run.
 * @module
 */
import type { NodeRunner } from "../../../node/node_runner.ts";
import type { RunRef } from "../../../runners/runner.ts";
import { RuneError } from "../../../model/error.ts";
import type { Instance } from "../../../model/instance.ts";
import type { Store } from "../../../store/store.ts";
import { isPrivileged } from "../../auth/host_rights.ts";
import type { Principal } from "../../auth/principal.ts";
import type { ServerDeps } from "../deps.ts";
import { currentRun, runnerFor, runningInstance, type Target } from "../targets.ts";

/** A run of an instance that the caller may enter. */
export interface EnteredRun {
  instance: Instance;
  runner: NodeRunner;
  ref: RunRef;
}

/**
 * Picks the run that a command of `principal` enters.
 *
 * @throws {RuneError} `permission_denied`; `not_found` and `failed_precondition` if there is no run.
 */
export function enterRun(
  { store, nodes }: Pick<ServerDeps, "store" | "nodes">,
  { target, principal }: { target: Target; principal: Principal },
): EnteredRun {
  const { kind, namespace } = target;
  principal.permit({ resource: kind === "service" ? "services" : "instances", verb: "exec", namespace });
  const instance = runningInstance(store, target);
  if (isPrivileged(instance.spec.template)) {
    // A command inside a privileged run is as powerful as the run.
    principal.permit({ resource: "services", verb: "services.privileged", namespace });
  }
  return { instance, runner: runnerFor(instance, nodes), ref: currentRun(instance) };
}

/**
 * Calls back once when the run is no longer current: when the instance is gone, or has a new run.
 *
 * @returns a function that ends the watch.
 */
export function watchRun(
  store: Store,
  { ref, instance }: Pick<EnteredRun, "ref" | "instance">,
  onLost: (reason: RuneError) => void,
): () => void {
  const end = store.subscribe((changes) => {
    const lost = changes.some(({ type, resource }) =>
      resource.kind === "instance" && resource.uid === ref.instanceUid &&
      (type === "delete" || resource.status.run !== ref.run)
    );
    if (!lost) return;
    end();
    onLost(
      new RuneError("failed_precondition", `${instance.name} was replaced while the command ran in it`, {
        hint: "run the command again",
      }),
    );
  });
  return end;
}
