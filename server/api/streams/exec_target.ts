/**
 * What a command of `exec` runs in: chosen, judged and watched over when it starts, since what has a name
 * changes hands.
 * @module
 */
import type { Runner, RunRef } from "../../../runners/runner.ts";
import { RuneError } from "../../../model/error.ts";
import type { Instance } from "../../../model/instance.ts";
import type { Store } from "../../../store/store.ts";
import { isPrivileged } from "../../auth/host_rights.ts";
import type { Principal } from "../../auth/principal.ts";
import type { ServerDeps } from "../deps.ts";
import { currentRun, runnerFor, runningInstance, type Target } from "../targets.ts";

/** One run of one instance, which the caller may enter. */
export interface EnteredRun {
  instance: Instance;
  runner: Runner;
  ref: RunRef;
}

/**
 * Chooses the run that a command of `principal` enters now.
 *
 * @throws {RuneError} `permission_denied`; `not_found` and `failed_precondition` when there is none.
 */
export function enterRun(
  { store, nodes }: Pick<ServerDeps, "store" | "nodes">,
  { target, principal }: { target: Target; principal: Principal },
): EnteredRun {
  const { kind, namespace } = target;
  principal.permit({ resource: kind === "service" ? "services" : "instances", verb: "exec", namespace });
  const instance = runningInstance(store, target);
  if (isPrivileged(instance.spec.template)) {
    // Whoever is inside of it is as powerful as whoever started it.
    principal.permit({ resource: "services", verb: "services.privileged", namespace });
  }
  return { instance, runner: runnerFor(instance, nodes), ref: currentRun(instance) };
}

/**
 * Tells once when the run is no longer the instance's own: the instance is gone, or runs anew.
 *
 * @returns what ends the watch.
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
