/**
 * The sweep: clears away what no other controller owns any more. Its one key stands for the whole machine.
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

/** What a pass works with. */
export interface SweepPassDeps {
  store: Store;
  nodes: Nodes;
  keptLogs: KeptLogs;
  clock: Clock;
  logger: Logger;
}

const EVERYTHING = ["all"];

/** What may leave something behind. */
export const SWEEP_WATCHES: Watches = {
  round: () => EVERYTHING,
  outage: () => EVERYTHING,
  run({ instanceUid, run }, state) {
    const instance = state.list("instance").find(({ uid }) => uid === instanceUid);
    // Something happens to a run that is over: somebody may have started it again.
    return run < (instance?.status.run ?? 0) ? EVERYTHING : [];
  },
  // The last output of its instances goes with it.
  service: ({ deleted }) => deleted ? EVERYTHING : [],
  volume({ resource, previous }) {
    // Somebody says that an instance is gone: find out now, not at the next round.
    const asked = resource.annotations[ANNOTATIONS.detachRequestedAt];
    return asked !== undefined && asked !== previous?.annotations[ANNOTATIONS.detachRequestedAt]
      ? EVERYTHING
      : [];
  },
};

/** One pass over everything. */
async function reconcileLeftovers(
  { deps, signal }: Pass<SweepPassDeps>,
): Promise<Outcome> {
  const { store, clock, keptLogs, logger } = deps;
  const { files, runners, volumes } = findNode(deps);
  // Files first: they need no runner that answers.
  const cleared = await sweepFiles(files, { store, signal }) +
    await keptLogs.sweep((uid) => store.list("service").some((service) => service.uid === uid)) +
    await sweep({ store, runners, clock }, signal) + await sweepShown(volumes, { store, signal });
  if (cleared === 0) return DONE;
  logger.info("cleared away {cleared} leftovers", { cleared });
  // A run that was cleared away may have been the last of a holder: it is known to be gone from the next look
  // on.
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
