/**
 * The sweep removes leftovers that no other controller owns. Its only key stands for the whole node.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Clock } from "../../base/clock.ts";
import type { Nodes } from "../../node/node.ts";
import type { Store } from "../../store/store.ts";
import type { Controller, Pass } from "../controller.ts";
import type { KeptLogs } from "../kept_logs/kept_logs.ts";
import type { Watches } from "../news.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { findNode } from "../../node/placement.ts";
import { sweepFiles } from "./files.ts";
import { sweep } from "./runs.ts";
import { sweepShown } from "./shown.ts";

/** The dependencies of a pass. */
export interface SweepPassDeps {
  store: Store;
  nodes: Nodes;
  keptLogs: KeptLogs;
  clock: Clock;
  logger: Logger;
}

const EVERYTHING = ["all"];

/** News after which there may be leftovers. */
export const SWEEP_WATCHES: Watches = {
  round: () => EVERYTHING,
  outage: () => EVERYTHING,
  run({ instanceUid, run }, state) {
    const instance = state.list("instance").find(({ uid }) => uid === instanceUid);
    // An event of an earlier run: someone may have started it again.
    return run < (instance?.status.run ?? 0) ? EVERYTHING : [];
  },
  // The kept output of its instances must be removed too.
  service: ({ deleted }) => deleted ? EVERYTHING : [],
  volume({ resource, previous }) {
    // Someone says that an instance is gone: check now, not at the next round.
    const asked = resource.annotations[ANNOTATIONS.detachRequestedAt];
    return asked !== undefined && asked !== previous?.annotations[ANNOTATIONS.detachRequestedAt]
      ? EVERYTHING
      : [];
  },
};

/** One pass over all leftovers. */
async function reconcileLeftovers(
  { deps, signal }: Pass<SweepPassDeps>,
): Promise<Outcome> {
  const { store, clock, keptLogs, logger } = deps;
  const { files, runners, volumes } = findNode(deps);
  // Files come first, because they need no reachable runner.
  const cleared = await sweepFiles(files, { store, signal }) +
    await keptLogs.sweep((uid) => store.list("service").some((service) => service.uid === uid)) +
    await sweep({ store, runners, clock }, signal) + await sweepShown(volumes, { store, signal });
  if (cleared === 0) return DONE;
  logger.info("cleared away {cleared} leftovers", { cleared });
  // A removed run may have been the last one of a lease holder. The next pass can then release the lease.
  return { type: "again", afterMs: 0 };
}

/** See the module comment. */
export const SWEEP_CONTROLLER: Controller<SweepPassDeps> = {
  name: "sweep",
  kind: "leftovers",
  concurrency: 1,
  watches: SWEEP_WATCHES,
  reconcile: (_, pass) => reconcileLeftovers(pass),
};
