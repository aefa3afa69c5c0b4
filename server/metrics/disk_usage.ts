/**
 * Measures the disk usage of volumes. A measurement reads a whole tree, so it happens in the background, one
 * volume at a time, and only while somebody scrapes. A scrape gets the latest results.
 * @module
 */
import type { Nodes } from "../../node/node.ts";
import { findNode } from "../../node/placement.ts";
import { describeVolumeCall, findClass } from "../../node/volume_call.ts";
import type { Volume } from "../../model/volume.ts";
import type { Store } from "../../store/store.ts";

/** How old results may be before the next scrape starts a new round. */
const GOOD_FOR_MS = 10 * 60_000;

/** The measured size of a volume. */
export interface VolumeUse {
  namespace: string;
  name: string;
  bytes: number;
}

/** See the module comment. */
export interface DiskUsageReader {
  /** What is known; starts a round of measuring when that is old. */
  listKnown(): VolumeUse[];
  /** Aborts the round in progress. */
  stop(): Promise<void>;
}

/** Creates a reader. @param options.goodForMs how old results may be; default 10 minutes. */
export function readUsage(
  { store, nodes, goodForMs = GOOD_FOR_MS }: {
    store: Store;
    nodes: Nodes;
    goodForMs?: number;
  },
): DiskUsageReader {
  const uses = new Map<string, VolumeUse>();
  const stopped = new AbortController();
  let measuredAt = -Infinity;
  let round: Promise<void> | undefined;

  async function measure(volume: Volume): Promise<void> {
    const { uid, namespace, name, status } = volume;
    const driver = findNode({ nodes }).drivers.get(status.driver ?? "");
    if (!driver?.usage || status.handle === undefined) return;
    const use = await driver.usage(describeVolumeCall(findClass(volume, store), stopped.signal));
    // What was measured while it was mounted stays known.
    if (use) uses.set(uid, { namespace, name, bytes: use.usedBytes });
  }

  async function measureAll(): Promise<void> {
    const volumes = store.list("volume");
    const present = new Set(volumes.map(({ uid }) => uid));
    for (const uid of uses.keys()) if (!present.has(uid)) uses.delete(uid);
    for (const volume of volumes) {
      if (stopped.signal.aborted) return;
      // A volume that cannot be measured has no result. Its status says what is wrong with it.
      await measure(volume).catch(() => uses.delete(volume.uid));
    }
  }

  return {
    listKnown() {
      const now = performance.now();
      if (round === undefined && now - measuredAt >= goodForMs && !stopped.signal.aborted) {
        round = measureAll().finally(() => {
          measuredAt = performance.now();
          round = undefined;
        });
      }
      return [...uses.values()];
    },
    async stop() {
      stopped.abort();
      await round;
    },
  };
}
