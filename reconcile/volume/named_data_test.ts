import assert from "node:assert/strict";
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { describeReach } from "../../drivers/named_data.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Volume } from "../../model/volume.ts";
import { keep, withMemoryRoom } from "../testing/memory_room.ts";
import { makeClass, makeVolume, NOW } from "../testing/resources.ts";
import { findRival } from "./named_data.ts";
import { planVolume } from "./plan.ts";
import { keysOf, newsOf } from "../news.ts";
import { VOLUME_WATCHES } from "./watches.ts";

const ID = "506f78a4-e098-11e5-ad9f-000f53306ae1";
const SHARED = { apiToken: "secret:api.shared.rune/token" };
const capabilities = { sources: [], handleParameter: "volumeId" } as unknown as DriverCapabilities;
const name = (parameters: object = {}) => makeVolume({ parameters: { volumeId: ID, ...parameters } });
const recordOf = (own: Record<string, string>, inherited: Record<string, string>) => ({
  [ANNOTATIONS.namedData]: describeReach({ namespace: "default", handle: ID, own, inherited }),
});

/** Plans with a class of these parameters, and returns the step or why the volume waits. */
function plan(volume: Volume, inherited: Record<string, string>, rival?: Volume): string | undefined {
  const step = planVolume({
    volume,
    class: makeClass({ parameters: inherited }),
    secrets: {},
    capabilities,
    ...(rival && { rival }),
    holders: [],
    mountPath: undefined,
    node: { name: "node-1", labels: {} },
    now: NOW,
  });
  return step.do === "settle" ? step.status.failureMessage : step.do;
}

const UNJUDGED = /nobody has named this data with the secret that reaches it now/;

Deno.test("planVolume() provisions named data only with the secrets that its author was judged for", () => {
  const relative = { apiToken: "secret:mine/token" };
  const volume = { ...name(), annotations: recordOf(name().spec.parameters, relative) };
  assert.equal(plan(volume, relative), "provision");
  assert.equal(plan(volume, { apiToken: "secret:mine.default.rune/token" }), "provision");
  assert.match(plan(volume, SHARED)!, UNJUDGED);
  assert.match(plan(volume, { apiToken: "dop_v1_0" })!, UNJUDGED);
  assert.match(plan(name(), SHARED)!, UNJUDGED);
  // Asking for another attempt judges nothing.
  const asked = { ...volume.annotations, [ANNOTATIONS.retryRequestedAt]: NOW.toISOString() };
  const stalled = { ...volume, annotations: asked, status: { ...volume.status, state: "Stalled" as const } };
  assert.match(plan(stalled, SHARED)!, UNJUDGED);
  // Another value of the volume's own secret is its author's as well.
  const own = { ...name({ apiToken: "dop_v1_2" }), annotations: recordOf({ apiToken: "dop_v1_1" }, SHARED) };
  assert.equal(plan(own, SHARED), "provision");
  assert.match(plan({ ...name(), annotations: own.annotations }, { apiToken: "dop_v1_1" })!, UNJUDGED);
});

Deno.test("planVolume() waits while another volume has the data that a volume names", () => {
  const volume = { ...name(), annotations: recordOf(name().spec.parameters, SHARED) };
  const rival = makeVolume({}, { name: "other" });
  assert.equal(plan(volume, SHARED, rival), `volumeId ${ID} is the data of volume default/other`);
  const hidden = { ...rival, namespace: "secret" };
  assert.equal(plan(volume, SHARED, hidden), `volumeId ${ID} is the data of a volume of another namespace`);
});

Deno.test("findRival() finds who has the data, or named it first, and whoever waits for it is woken when it goes", () =>
  withMemoryRoom(async ({ store }) => {
    const driver = makeClass().spec.driver;
    const woken: string[] = [];
    store.subscribe((changes) => {
      for (const change of changes.filter(({ type }) => type === "delete")) {
        woken.push(...keysOf(VOLUME_WATCHES, { news: newsOf(change), state: store }));
      }
    });
    const spec = name().spec;
    const first = await keep(store, makeVolume(spec, { name: "a" }));
    const second = await keep(store, makeVolume(spec, { name: "b" }));
    const elsewhere = { [ANNOTATIONS.namedData]: "judged for another account" };
    await keep(store, { ...makeVolume(spec, { name: "c" }), annotations: elsewhere });
    const rivalOf = (volume: Volume) => findRival({ volume, capabilities, driver }, store)?.name;
    const [older, newer] = [first, second].sort((a, b) =>
      `${a.createdAt}${a.uid}` < `${b.createdAt}${b.uid}` ? -1 : 1
    ) as [Volume, Volume];
    assert.deepEqual([rivalOf(older), rivalOf(newer)], [undefined, older.name]);
    await store.transact((tx) => {
      const { status } = tx.get("volume", "default", newer.name)!;
      tx.update(newer, { status: { ...status, state: "Available", driver, handle: ID } });
    });
    assert.equal(rivalOf(older), newer.name);
    await store.transact((tx) => tx.remove(tx.get("volume", "default", newer.name)!));
    assert.equal(rivalOf(older), undefined);
    assert.deepEqual(woken.sort(), [`default/${older.name}`, "default/c"].sort());
  }));
