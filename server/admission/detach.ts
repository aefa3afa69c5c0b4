/** Checks whether a volume may be detached: never while the instance that holds it exists. @module */
import { RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import { maySee, nameTo, type Viewer } from "../auth/visibility.ts";
import type { Reader } from "../../store/store.ts";

/**
 * Refuses to detach a volume from an instance that exists, since it may write at any moment. If the instance
 * is gone, the sweep releases its lease once every runner has confirmed that nothing of it runs.
 *
 * @throws {RuneError} `conflict` that names the instance.
 */
export function checkDetach(
  volume: Volume,
  { state, viewer }: { state: Reader; viewer: Viewer },
): void {
  const holders = state.get("lease", volume.namespace, volume.name)?.spec.holders ?? [];
  const instances = new Map(state.list("instance").map((i) => [i.uid, i]));
  const holder = holders.map((h) => instances.get(h.instanceUid)).find((i) => i !== undefined);
  if (!holder) return;
  const { namespace, spec: { service } } = holder;
  const leaving = holder.deletionRequestedAt !== undefined;
  throw new RuneError(
    "conflict",
    `volume ${describeKey(volume)} is held by ${nameTo(viewer, "instance", holder)}, which is ${
      leaving ? "Stopping" : holder.status.state
    }`,
    {
      hint: leaving
        ? "wait until it has stopped; that releases its volumes"
        : maySee(viewer, "service", namespace)
        ? `stop it first: rune stop ${service} -n ${namespace}`
        : "ask its owner to stop it first",
    },
  );
}
