import assert from "node:assert/strict";
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import type { Lease } from "../../model/lease.ts";
import type { AnyResource, Kind } from "../../model/resource.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Reader } from "../../store/store.ts";
import { ago, makeInstance, makeService, makeSnapshot } from "../testing/resources.ts";
import { copiedFor, findWriters, pausedFor } from "./writers.ts";

const service = makeService({ volumes: [{ name: "d", mountPath: "/d", claim: { name: "data" } }] });

function reader(...resources: AnyResource[]): Reader {
  return {
    get: (kind, namespace, name) =>
      resources.find((r) => r.kind === kind && r.namespace === namespace && r.name === name) as never,
    list: <K extends Kind>(kind: K, namespace?: string) =>
      resources.filter((r) =>
        r.kind === kind && (namespace === undefined || r.namespace === namespace)
      ) as never,
  };
}

const lease = (mode: "rw" | "ro", instanceUid: string): Lease => ({
  ...makeService(),
  kind: "lease",
  name: "data",
  spec: { holders: [{ instanceUid, namespace: "default", instance: "web-0", mode, since: "" }] },
  status: {},
});

const instance = (status: Partial<InstanceStatus>, more: Partial<Omit<Instance, "status">> = {}) =>
  makeInstance(service, 0, { ...more, status: { run: 4, ...status } });

function writersOf(holder: Instance | undefined, ...more: AnyResource[]) {
  const snapshot = makeSnapshot();
  const held = lease("rw", holder?.uid ?? "gone");
  return findWriters(reader(service, snapshot, held, ...holder ? [holder] : [], ...more), snapshot);
}

const ofOther = (status: Partial<Snapshot["status"]>, volume = "other") =>
  makeSnapshot({ name: "earlier", uid: "earlier-uid", spec: { source: { volume } }, status });

Deno.test("findWriters() returns the run of a running holder, also of an Unhealthy one", () => {
  for (const state of ["Running", "Unhealthy"] as const) {
    const holder = instance({ state });
    assert.deepEqual(writersOf(holder), {
      runs: [{
        instanceUid: holder.uid,
        run: 4,
        runner: "docker",
        namespace: "default",
        instance: "web-0",
      }],
    });
  }
});

Deno.test("findWriters() returns no runs without a running writer: no holder, only readers, or a holder that is down", () => {
  const snapshot = makeSnapshot();
  assert.deepEqual(findWriters(reader(service, snapshot), snapshot), { runs: [] });
  const holder = instance({ state: "Running" });
  assert.deepEqual(findWriters(reader(service, snapshot, lease("ro", holder.uid), holder), snapshot), {
    runs: [],
  });
  for (const state of ["Pending", "Failed", "Stalled", "Stopped"] as const) {
    assert.deepEqual(writersOf(instance({ state })), { runs: [] });
  }
});

Deno.test("findWriters() waits for holders that start or stop, and for holders that are gone without proof", () => {
  for (const state of ["Starting", "Stopping"] as const) {
    assert.match(JSON.stringify(writersOf(instance({ state }))), /web-0 to finish starting or stopping/);
  }
  const leaving = instance({ state: "Running" }, { deletionRequestedAt: ago(1) });
  assert.match(JSON.stringify(writersOf(leaving)), /waitsFor/);
  const orphan = instance({ state: "Running" });
  const spec = { ...orphan.spec, serviceUid: "another" };
  assert.match(JSON.stringify(writersOf({ ...orphan, spec })), /waitsFor/);
  assert.match(JSON.stringify(writersOf(undefined)), /web-0.*to be cleared away/);
});

Deno.test("findWriters() waits for another snapshot that copies the volume or has paused a writer", () => {
  const holder = instance({ state: "Running" });
  assert.match(
    JSON.stringify(writersOf(holder, ofOther({ state: "Creating", copying: true }, "data"))),
    /snapshot default\/earlier, which copies the volume now/,
  );
  const paused = [{
    instanceUid: holder.uid,
    run: 4,
    runner: "docker" as const,
    namespace: "default",
    instance: "web-0",
  }];
  const other = ofOther({ state: "Creating", copying: true, paused });
  assert.match(JSON.stringify(writersOf(holder, other)), /earlier, which has paused default\/web-0/);
  assert.equal(pausedFor(reader(other), holder.uid), other);
  assert.equal(pausedFor(reader(other), "someone else"), undefined);
});

Deno.test("copiedFor() finds the snapshot that copies a volume, and none once the copy is done", () => {
  const reading = ofOther({ state: "Creating", copying: true }, "data");
  const volume = { namespace: "default", name: "data" };
  assert.equal(copiedFor(reader(reading), volume), reading);
  assert.equal(copiedFor(reader(ofOther({ state: "Creating" }, "data")), volume), undefined);
  assert.equal(copiedFor(reader(reading), { ...volume, namespace: "prod" }), undefined);
});
