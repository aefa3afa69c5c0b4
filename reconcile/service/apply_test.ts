/** Commits the steps of a service's plan to a real store. @module */
import assert from "node:assert/strict";
import { ANNOTATIONS, FINALIZERS } from "../../model/marks.ts";
import { writeNamedData } from "../../model/named_data.ts";
import type { Service } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";
import { keep, type MemoryRoom, withMemoryRoom } from "../testing/memory_room.ts";
import { makeService, makeVolume } from "../testing/resources.ts";
import { applyService } from "./apply.ts";
import type { ServicePlan } from "./plan.ts";

const template = (size: string) => ({
  volumes: [{
    name: "data",
    mountPath: "/data",
    claimTemplate: { size, accessMode: "ReadWriteOnce", storageClassName: "local" },
  }],
});
const CREATE = { do: "create", ordinal: 0, successor: false } as const;

/** Carries out steps for the stored service, or for the service as it was when the plan was made. */
const apply = ({ store }: MemoryRoom, service: Service, steps: ServicePlan["steps"], afterMs?: number) =>
  applyService({ steps, ...(afterMs !== undefined && { afterMs }) }, {
    view: {
      service,
      instances: [],
      volumes: [],
      others: [],
      now: new Date(),
    },
    store,
  });

const volumeOf = ({ store }: MemoryRoom) => store.get("volume", "default", "data-web-0");
const eventsOf = ({ store }: MemoryRoom) => store.list("event").map(({ spec }) => spec.reason);

Deno.test("applyService() creates an instance with the volumes of its templates, once", () =>
  withMemoryRoom(async (room) => {
    const service = await keep(room.store, makeService(template("1Gi")));
    await apply(room, service, [CREATE]);
    const instance = room.store.get("instance", "default", "web-0")!;
    assert.deepEqual([instance.spec.serviceUid, instance.status.state], [service.uid, "Pending"]);
    assert.deepEqual(instance.finalizers, [FINALIZERS.run]);
    const volume = volumeOf(room)!;
    // The class's policy, and the finalizer that keeps the data until the volume controller is done.
    assert.deepEqual([volume.spec.reclaimPolicy, volume.status.ownerService, volume.finalizers], [
      "delete",
      "web",
      [FINALIZERS.reclaim],
    ]);
    const revision = room.store.revision;
    await apply(room, service, [CREATE]);
    assert.equal(room.store.revision, revision);
  }));

Deno.test("applyService() records with a volume of a template which data it may name", () =>
  withMemoryRoom(async (room) => {
    const record = writeNamedData({ data: "what was judged", other: "more" });
    const annotations = { [ANNOTATIONS.namedData]: record };
    const service = await keep(room.store, { ...makeService(template("1Gi")), annotations });
    await apply(room, service, [CREATE]);
    assert.deepEqual(volumeOf(room)!.annotations, { [ANNOTATIONS.namedData]: "what was judged" });
  }));

Deno.test("applyService() ignores a plan for a service that was cast, deleted or recreated meanwhile", () =>
  withMemoryRoom(async (room) => {
    const seen = await keep(room.store, makeService(template("1Gi")));
    const assertNothingDone = async () => {
      await apply(room, seen, [CREATE]);
      assert.deepEqual([room.store.list("instance"), room.store.list("volume")], [[], []]);
    };
    await room.store.transact((tx) => void tx.update(seen, { spec: { ...seen.spec, scale: 2 } }));
    await assertNothingDone();
    await room.store.transact((tx) => {
      const service = tx.get("service", "default", "web")!;
      tx.update(service, { spec: seen.spec, deletionRequestedAt: tx.now });
    });
    await assertNothingDone();
    await room.store.transact((tx) => tx.remove(tx.get("service", "default", "web")!));
    await assertNothingDone();
    await keep(room.store, makeService(template("1Gi")));
    await assertNothingDone();
  }));

Deno.test("applyService() grows a volume that the service owns, and never shrinks it or changes another service's volume", () =>
  withMemoryRoom(async (room) => {
    const status = { ownerService: "web" };
    await keep(room.store, makeVolume({ size: "2Gi" }, { name: "data-web-0", status }));
    const grown = await keep(room.store, makeService(template("3Gi")));
    await apply(room, grown, [CREATE]);
    assert.equal(volumeOf(room)!.spec.size, "3Gi");

    const setOwner = (ownerService: string) =>
      room.store.transact((tx) => {
        const volume = tx.get("volume", "default", "data-web-0") as Volume;
        tx.update(volume, { status: { ...volume.status, ownerService } });
      });
    const cast = (size: string) =>
      room.store.transact((tx) =>
        tx.update<"service">(tx.get("service", "default", "web")!, { spec: makeService(template(size)).spec })
      );
    const again = async (size: string) => {
      const service = await cast(size);
      await room.store.transact((tx) => {
        const { namespace, name } = tx.get("instance", "default", "web-0")!;
        tx.update(tx.get("instance", namespace, name)!, { finalizers: [] });
        tx.remove({ kind: "instance", namespace, name });
      });
      await apply(room, service, [CREATE]);
      return volumeOf(room)!.spec.size;
    };
    assert.equal(await again("1Gi"), "3Gi");
    await setOwner("other");
    assert.equal(await again("9Gi"), "3Gi");
  }));

Deno.test("applyService() takes over the volume created for the image, with its data, once its content is there", () =>
  withMemoryRoom(async (room) => {
    const image = { annotations: { [ANNOTATIONS.imageContent]: "/data" }, name: "data-web-0" };
    await keep(
      room.store,
      makeVolume({ reclaimPolicy: "delete" }, { ...image, status: { ownerService: "web" } }),
    );
    const retain = { ...template("1Gi").volumes[0]!.claimTemplate, reclaimPolicy: "retain" };
    const service = await keep(
      room.store,
      makeService({ volumes: [{ name: "data", mountPath: "/data", claimTemplate: retain }] }),
    );
    await apply(room, service, [CREATE]);
    assert.ok(volumeOf(room)!.annotations[ANNOTATIONS.imageContent], "its content is still to come");

    await room.store.transact((tx) => {
      const volume = tx.get("volume", "default", "data-web-0") as Volume;
      tx.update(volume, { status: { ...volume.status, handle: "/v" } });
    });
    const before = volumeOf(room)!.uid;
    await apply(room, service, [{ do: "makeVolumes", name: "web-0" }]);
    const { annotations, spec, uid } = volumeOf(room)!;
    assert.deepEqual([annotations[ANNOTATIONS.imageContent], spec.reclaimPolicy], [undefined, "retain"]);
    assert.equal(uid, before);
  }));

Deno.test("applyService() requests the removal of an instance once, and says why", () =>
  withMemoryRoom(async (room) => {
    const service = await keep(room.store, makeService());
    await apply(room, service, [CREATE]);
    const remove = { do: "remove", name: "web-0", why: "scaled down" } as ServicePlan["steps"][number];
    await apply(room, service, [remove]);
    const asked = room.store.get("instance", "default", "web-0")!.deletionRequestedAt;
    assert.ok(asked);
    await apply(room, service, [remove]);
    assert.equal(room.store.get("instance", "default", "web-0")!.deletionRequestedAt, asked);
    const events = room.store.list("event").map(({ spec }) => [spec.reason, spec.message, spec.count]);
    assert.deepEqual(events, [["Stopping", "web-0: scaled down", 1]]);
    // An instance that is being removed gets no more volumes.
    await apply(room, service, [{ do: "makeVolumes", name: "web-0" }]);
    assert.equal(volumeOf(room), undefined);
  }));

Deno.test("applyService() gives a successor the name of its ordinal only when that name is free", () =>
  withMemoryRoom(async (room) => {
    const service = await keep(room.store, makeService());
    await apply(room, service, [CREATE, { ...CREATE, successor: true }]);
    const names = () => room.store.list("instance").map(({ name }) => name).sort();
    const [, successor] = names();
    const promote = { do: "promote", name: successor!, ordinal: 0 } as const;
    await apply(room, service, [promote]);
    assert.deepEqual(names(), ["web-0", successor]);
    const { uid } = room.store.get("instance", "default", successor!)!;
    await room.store.transact((tx) => {
      const old = tx.get("instance", "default", "web-0")!;
      tx.update(old, { finalizers: [] });
      tx.remove({ kind: "instance", namespace: "default", name: "web-0" });
    });
    await apply(room, service, [promote]);
    assert.deepEqual(names(), ["web-0"]);
    assert.equal(room.store.get("instance", "default", "web-0")!.uid, uid);
  }));

Deno.test("applyService() releases volumes or requests their deletion, and ignores volumes that are being deleted", () =>
  withMemoryRoom(async (room) => {
    const service = await keep(room.store, makeService());
    await keep(room.store, makeVolume({}, { name: "kept" }));
    await keep(room.store, makeVolume({}, { name: "going" }));
    const at = { namespace: "default" };
    await apply(room, service, [
      { do: "releaseVolume", ...at, name: "kept" },
      { do: "deleteVolume", ...at, name: "going" },
      { do: "deleteVolume", ...at, name: "gone already" },
    ]);
    const volume = (name: string) => room.store.get("volume", "default", name)!;
    assert.deepEqual([volume("kept").status.state, volume("kept").deletionRequestedAt], [
      "Released",
      undefined,
    ]);
    assert.ok(volume("kept").status.releasedAt);
    assert.equal(volume("going").status.state, "Deleting");
    assert.ok(volume("going").deletionRequestedAt);
    const revision = room.store.revision;
    await apply(room, service, [
      { do: "releaseVolume", ...at, name: "going" },
      { do: "deleteVolume", ...at, name: "going" },
    ]);
    assert.equal(room.store.revision, revision);
    assert.equal(volume("going").status.state, "Deleting");
  }));

Deno.test("applyService() records one event per state reached, and keeps the exposure that another controller wrote", () =>
  withMemoryRoom(async (room) => {
    const service = await keep(room.store, makeService());
    const exposure = { state: "Published" } as unknown as NonNullable<Service["status"]["exposure"]>;
    await room.store.transact((tx) =>
      void tx.update(service, { status: { ...service.status, exposure } as Service["status"] })
    );
    const running = { ...service.status, state: "Running", ready: 1 } as Service["status"];
    await apply(room, service, [{ do: "setStatus", status: running }]);
    await apply(room, service, [{ do: "setStatus", status: running }]);
    assert.deepEqual(eventsOf(room), ["Running"]);
    const stored = room.store.get("service", "default", "web")!;
    assert.deepEqual([stored.status.state, stored.status.exposure], ["Running", exposure]);
    const failed = {
      ...running,
      state: "Degraded",
      reason: "CrashLoop",
      message: "it ends at once",
    } as Service["status"];
    await apply(room, service, [{ do: "setStatus", status: failed }]);
    assert.deepEqual(eventsOf(room).sort(), ["CrashLoop", "Running"]);
  }));

Deno.test("applyService() removes the service, and asks to be called again when the plan says so", () =>
  withMemoryRoom(async (room) => {
    const service = await keep(room.store, makeService({}, { finalizers: [] }));
    assert.deepEqual(await apply(room, service, [], 500), { type: "again", afterMs: 500 });
    assert.deepEqual(await apply(room, service, [{ do: "drop" }]), { type: "done" });
    assert.equal(room.store.get("service", "default", "web"), undefined);
  }));
