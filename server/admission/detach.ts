/** Whether the bind of a volume may be broken: never while the instance that holds it is known. @module */
import { RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import { maySee, nameTo, type Viewer } from "../auth/visibility.ts";
import type { Reader } from "../../store/store.ts";

/**
 * Refuses to detach a volume from an instance that exists: it writes, or may write again at any moment. The lease of one
 * that is gone is released by the sweep, once every runner has said that nothing of it runs.
 *
 * @throws {RuneError} `conflict` naming the instance.
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
        ? "wait until it has stopped; its volumes are released then"
        : maySee(viewer, "service", namespace)
        ? `stop it first: rune stop ${service} -n ${namespace}`
        : "let whoever runs it stop it first",
    },
  );
}
