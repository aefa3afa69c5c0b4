/** The finalizers and the status of a new resource, before any controller has seen it. @module */
import type { CastKind } from "../../model/declared.ts";
import { FINALIZERS } from "../../model/marks.ts";
import type { Kinds } from "../../model/resource.ts";

/** Returns the finalizers and the first status of a new resource. */
export function makeInitialState<K extends CastKind>(
  kind: K,
  spec: Kinds[K]["spec"],
): { finalizers: string[]; status: Kinds[K]["status"] } {
  const birth = {
    service: () => ({
      finalizers: [FINALIZERS.instances],
      status: {
        state: (spec as Kinds["service"]["spec"]).scale === 0 ? "Stopped" : "Pending",
        instances: 0,
        ready: 0,
        updated: 0,
        observedGeneration: 0,
      },
    }),
    volume: () => ({
      finalizers: [FINALIZERS.reclaim],
      status: { state: "Pending", attempts: 0, conditions: [] },
    }),
    snapshot: () => ({ finalizers: [FINALIZERS.snapshot], status: { state: "Pending", attempts: 0 } }),
    namespace: () => ({ finalizers: [], status: {} }),
    storageClass: () => ({ finalizers: [], status: {} }),
    secret: () => ({ finalizers: [], status: {} }),
    configmap: () => ({ finalizers: [], status: {} }),
  } satisfies { [P in CastKind]: () => { finalizers: string[]; status: Kinds[P]["status"] } };
  return birth[kind]();
}
