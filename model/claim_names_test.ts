/** Tests the names of claimed volumes, and that every part of the program reads them the same way. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { usersOf } from "../cli/describe/volume.ts";
import { judgeService } from "../cli/waiting/verdict.ts";
import { createClock } from "../base/clock.ts";
import { reconcileService } from "../reconcile/service/controller.ts";
import { makeService, makeVolume, NOW } from "../reconcile/testing/resources.ts";
import { createInitialResources } from "../server/daemon/initial_resources.ts";
import { deleteResource } from "../server/admission/deletion.ts";
import { openStore, type Store } from "../store/store.ts";
import { claimedOrdinal, claimedVolumeName, mountsOfVolume, splitClaimedName } from "./claim_names.ts";
import { RuneError } from "./error.ts";
import type { Service } from "./service.ts";
import { snapshotPolicyOf } from "./snapshot_policy_of.ts";
import type { Volume } from "./volume.ts";

const policy = { every: "1h", keep: 3 };
const claimTemplate = { size: "1Gi", accessMode: "ReadWriteOnce", snapshotPolicy: policy };

Deno.test("claimedOrdinal() reads what claimedVolumeName() makes, and nothing else", () => {
  const owner = { mount: "data", service: "web" };
  for (const ordinal of [0, 1, 10, 999]) {
    assert.equal(claimedOrdinal(claimedVolumeName({ ...owner, ordinal }), owner), ordinal);
  }
  for (
    const name of [
      "data-web-01",
      "data-web-",
      "data-web",
      "data-web--1",
      "data-web-1e3",
      "data-web-0x1",
      "data-web-NaN",
      "data-web-Infinity",
      "data-web-99999999999999999999",
      "data-web-next",
      "data-web-x-0",
      "data-api-0",
      "other-web-0",
      "-0",
      "0",
    ]
  ) assert.equal(claimedOrdinal(name, owner), undefined, name);
});

Deno.test("a name that two mounts can make is read for each of them", () => {
  assert.equal(claimedOrdinal("a-b-c-0", { mount: "a", service: "b-c" }), 0);
  assert.equal(claimedOrdinal("a-b-c-0", { mount: "a-b", service: "c" }), 0);
  assert.equal(claimedOrdinal("a-b-0", { mount: "a-b", service: "c" }), undefined);
  assert.deepEqual(splitClaimedName("a-1-2"), { stem: "a-1", ordinal: 2 });
});

Deno.test("mountsOfVolume() keeps to the namespace of a template, and follows a claim into another one", () => {
  const service = makeService({
    volumes: [
      { name: "d", mountPath: "/d", claimTemplate },
      { name: "far", mountPath: "/far", claim: { name: "d-web-0.lab.rune" } },
    ],
  });
  const findMounts = (namespace: string) =>
    mountsOfVolume(service, { namespace, name: "d-web-0" }).map((
      { mount, ordinal },
    ) => [mount.name, ordinal]);
  assert.deepEqual(findMounts("default"), [["d", 0]]);
  assert.deepEqual(findMounts("lab"), [["far", undefined]]);
  assert.deepEqual(findMounts("shop"), []);
});

/** Characters that make names hard to tell apart: dashes, digits, and prefixes of each other. */
const word = fc.array(fc.constantFrom("a", "b", "0", "1", "01"), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join("-"));

/** What each part of the program concludes about a volume that the service's template may have made. */
function answersOf(service: Service, volume: Volume, store: Store) {
  const isStalled = judgeService(
    { kind: "service", namespace: service.namespace, name: service.name, generation: 1 },
    { service, instances: [], volumes: [volume], now: NOW.getTime() },
  );
  return {
    describe: usersOf(volume, [service]).length > 0,
    snapshotPolicy: snapshotPolicyOf(volume, { service, class: undefined }) !== undefined,
    verdict: isStalled.state === "failed",
    deletion: refusesDeletion(volume, store),
  };
}

/** Whether the deletion guard refuses the volume; nothing is written. */
function refusesDeletion({ namespace, name, spec, status }: Volume, store: Store): Promise<boolean> {
  class Undo extends Error {}
  return store.transact((tx) => {
    if (!tx.get("volume", namespace, name)) tx.create({ kind: "volume", namespace, name, spec, status });
    deleteResource(tx, { kind: "volume", namespace, name, cascade: false, viewer: { may: () => true } });
    throw new Undo();
  }).catch((error) => {
    if (error instanceof Undo) return false;
    assert.ok(error instanceof RuneError && error.code === "conflict", error);
    return true;
  });
}

Deno.test("rollout, describe, the deletion guard, the snapshot policy and the verdict agree on every name", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-" });
  const store = await openStore({ dataDir: dir });
  try {
    await createInitialResources(store);
    await fc.assert(
      fc.asyncProperty(
        word,
        word,
        word,
        word,
        fc.integer({ min: 1, max: 3 }),
        async (mount, name, other, tail, scale) => {
          const { spec, status } = makeService({
            scale,
            volumes: [{ name: mount, mountPath: "/data", claimTemplate }],
          });
          await store.transact((tx) => {
            for (const kind of ["service", "instance", "volume"] as const) {
              for (const { namespace, name } of tx.list(kind)) tx.remove({ kind, namespace, name });
            }
            tx.create({ kind: "service", namespace: "default", name, spec, status });
          });
          await reconcileService(`default/${name}`, { store, clock: createClock() });
          const service = store.get("service", "default", name)!;
          const made = store.list("volume").map((volume) => volume.name);
          assert.equal(made.length, scale);
          const names = [
            ...made,
            ...made.flatMap((made) => [`${made}0`, `${made}-${tail}`, made.replace(/(\d)$/, "0$1")]),
            claimedVolumeName({ mount, service: name, ordinal: scale }),
            claimedVolumeName({ mount: other, service: name, ordinal: 0 }),
            claimedVolumeName({ mount, service: other, ordinal: 0 }),
            `${mount}-${name}-${tail}`,
          ];
          for (const name of new Set(names)) {
            const volume = makeVolume({}, {
              name,
              status: { state: "Stalled", ownerService: service.name, handle: "/data" },
            });
            const { describe, snapshotPolicy, verdict, deletion } = answersOf(service, volume, store);
            const isMade = made.includes(name);
            assert.deepEqual({ name, verdict, deletion: await deletion }, {
              name,
              verdict: isMade,
              deletion: isMade,
            });
            const isOfTemplate = claimedOrdinal(name, { mount, service: service.name }) !== undefined;
            assert.deepEqual(
              { name, describe, snapshotPolicy },
              { name, describe: isOfTemplate, snapshotPolicy: isOfTemplate },
            );
            assert.ok(isOfTemplate || !isMade);
          }
        },
      ),
      { numRuns: 60 },
    );
  } finally {
    await store.close();
    await Deno.remove(dir, { recursive: true });
  }
});
