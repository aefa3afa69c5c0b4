/**
 * Tells the Docker runner which Engine the daemon's containers are on, and whether there should be any.
 * @module
 */
import type { EngineBond, Place } from "../../runners/engine_bond.ts";
import type { Store } from "../../store/store.ts";
import { readEngine, readPlace, writeEngine, writePlace } from "./daemon_identity.ts";

/** Creates the bond of a daemon that runs at `place`. */
export function bondOf(store: Store, place: Place): EngineBond {
  return {
    place,
    lastPlace: () => readPlace(store),
    record: () => readEngine(store),
    async remember(record) {
      // In this order, so that a crash in between asks a person to confirm again instead of skipping the
      // question.
      await writeEngine(store, record);
      await writePlace(store, place);
    },
    expectsRuns: () => expectsContainers(store),
  };
}

/**
 * Whether this daemon may have a container on its Engine: an instance that had a run, or a lease that one may
 * hold.
 */
export function expectsContainers(store: Pick<Store, "list">): boolean {
  const runners = new Map(store.list("instance").map(({ uid, spec }) => [uid, spec.runner]));
  return store.list("instance").some(({ spec, status }) => spec.runner === "docker" && status.run > 0) ||
    store.list("lease").some(({ spec }) =>
      spec.holders.some((h) => runners.get(h.instanceUid) !== "process")
    );
}
