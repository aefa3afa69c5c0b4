/** Resources for the table tests of plans: small, complete, overridable. @module */
import { parseDeclared } from "../../model/declared.ts";
import type { Instance, InstanceStatus } from "../../model/instance.ts";
import { FINALIZERS } from "../../model/marks.ts";
import type { Service, ServiceSpec, ServiceStatus } from "../../model/service.ts";
import type { Snapshot, SnapshotStatus } from "../../model/snapshot.ts";
import type { StorageClass } from "../../model/storage_class.ts";
import type { Volume, VolumeStatus } from "../../model/volume.ts";
import { instanceSpec } from "../service/rollout.ts";

/** The current time of every table test. */
export const NOW = new Date("2026-01-01T00:10:00.000Z");

/** A time before {@linkcode NOW}. */
export const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000).toISOString();

const envelope = {
  labels: {},
  annotations: {},
  createdAt: ago(600),
  updatedAt: ago(600),
  resourceVersion: 1,
};

/** A service spec with all defaults, from a castfile's fields. */
export function serviceSpec(fields: Record<string, unknown>): ServiceSpec {
  const result = parseDeclared("service", { name: "web", image: "img:1", ...fields }, {
    namespace: "default",
  });
  if ("issues" in result) throw new Error(JSON.stringify(result.issues));
  return result.declared.spec as ServiceSpec;
}

export function makeService(
  fields: Record<string, unknown> = {},
  more: Partial<Omit<Service, "status">> & { status?: Partial<ServiceStatus> } = {},
): Service {
  return {
    ...envelope,
    kind: "service",
    namespace: "default",
    name: "web",
    uid: "service-uid",
    generation: 1,
    finalizers: [FINALIZERS.instances],
    spec: serviceSpec(fields),
    ...more,
    status: {
      state: "Pending",
      instances: 0,
      ready: 0,
      updated: 0,
      observedGeneration: more.generation ?? 1,
      ...more.status,
    },
  };
}

/** An instance of `service`, running and ready unless `status` says otherwise. */
export function makeInstance(
  service: Service,
  ordinal: number,
  more: Partial<Omit<Instance, "status">> & { status?: Partial<InstanceStatus> } = {},
): Instance {
  const name = more.name ?? `${service.name}-${ordinal}`;
  return {
    ...envelope,
    kind: "instance",
    namespace: service.namespace,
    uid: `uid-${name}`,
    generation: 1,
    finalizers: [FINALIZERS.run],
    spec: instanceSpec(service, ordinal),
    ...more,
    name,
    status: {
      state: "Running",
      ready: true,
      run: 1,
      restarts: 0,
      crashes: 0,
      launchFailures: 0,
      startedAt: ago(300),
      ...more.status,
    },
  };
}

export function makeVolume(
  fields: Partial<Volume["spec"]> = {},
  more: Partial<Omit<Volume, "status" | "spec">> & { status?: Partial<VolumeStatus> } = {},
): Volume {
  return {
    ...envelope,
    kind: "volume",
    namespace: "default",
    name: "data",
    uid: "volume-uid",
    generation: 1,
    finalizers: [FINALIZERS.reclaim],
    ...more,
    spec: {
      storageClassName: "local",
      size: "1Gi",
      accessMode: "ReadWriteOnce",
      reclaimPolicy: "retain",
      parameters: {},
      ...fields,
    },
    status: { state: "Pending", attempts: 0, conditions: [], ...more.status },
  };
}

/** A provisioned volume. */
export function makeProvisionedVolume(more: Parameters<typeof makeVolume>[1] = {}): Volume {
  const status = { state: "Available" as const, handle: "/data", driver: "local", sizeBytes: 1024 ** 3 };
  return makeVolume({}, { ...more, status: { ...status, ...more.status } });
}

/** A new snapshot of {@linkcode makeVolume}'s volume. */
export function makeSnapshot(
  more: Partial<Omit<Snapshot, "status">> & { status?: Partial<SnapshotStatus> } = {},
): Snapshot {
  return {
    ...envelope,
    kind: "snapshot",
    namespace: "default",
    name: "snap",
    uid: "snapshot-uid",
    generation: 1,
    finalizers: [FINALIZERS.snapshot],
    spec: { source: { volume: "data" } },
    ...more,
    status: { state: "Pending", attempts: 0, ...more.status },
  };
}

export function makeClass(fields: Partial<StorageClass["spec"]> = {}): StorageClass {
  return {
    ...envelope,
    kind: "storageClass",
    namespace: "",
    name: "local",
    uid: "class-uid",
    generation: 1,
    finalizers: [],
    spec: {
      driver: "local",
      parameters: {},
      reclaimPolicy: "retain",
      default: true,
      allowedTopologies: [],
      ...fields,
    },
    status: {},
  };
}
