import assert from "node:assert/strict";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Reader } from "../../store/store.ts";
import { ago, makeSnapshot, makeVolume } from "../testing/resources.ts";
import { keysOf, type News } from "../news.ts";
import { SNAPSHOT_INTERRUPTS, SNAPSHOT_WATCHES } from "./watches.ts";

const stateOf = (...snapshots: Snapshot[]): Reader => ({
  get: () => undefined,
  list: () => snapshots as never,
});

Deno.test("a volume wakes its snapshots that are not Ready, and a snapshot wakes itself and those that may wait for it", () => {
  const ready = makeSnapshot({ status: { state: "Ready" } });
  const waiting = makeSnapshot({ name: "earlier", uid: "earlier-uid", status: { state: "Pending" } });
  const ofOther = makeSnapshot({ name: "far", uid: "far-uid", spec: { source: { volume: "other" } } });
  const state = stateOf(ready, waiting, ofOther);
  const keys = (news: News) => keysOf(SNAPSHOT_WATCHES, { news, state });
  assert.deepEqual(keys({ kind: "volume", resource: makeVolume(), deleted: false }), ["default/earlier"]);
  assert.deepEqual(keys({ kind: "snapshot", resource: ready, previous: ready, deleted: false }), [
    "default/snap",
  ]);
  const taking = makeSnapshot({ status: { state: "Creating" } });
  const became = keys({ kind: "snapshot", resource: ready, previous: taking, deleted: false });
  assert.deepEqual(became, ["default/snap", "default/earlier"]);
  assert.deepEqual(keys({ kind: "snapshot", resource: ready, deleted: true }), ["default/earlier"]);
});

Deno.test("a deletion request interrupts the copy of a snapshot once", () => {
  const before = makeSnapshot();
  const leaving = makeSnapshot({ deletionRequestedAt: ago(0) });
  const keys = (resource: Snapshot, previous: Snapshot | undefined, deleted = false) =>
    keysOf(SNAPSHOT_INTERRUPTS, {
      news: { kind: "snapshot", resource, previous, deleted },
      state: stateOf(),
    });
  assert.deepEqual(keys(leaving, before), ["default/snap"]);
  assert.deepEqual(keys(leaving, leaving), []);
  assert.deepEqual(keys(leaving, leaving, true), []);
  assert.deepEqual(keys(before, undefined), []);
});
