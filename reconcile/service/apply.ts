/**
 * Carries out a service's plan in one commit: instances, their volumes, and the status that follows.
 * @module
 */
import { claimedVolumeName } from "../../model/claim_names.ts";
import { instanceName } from "../../model/instance_name.ts";
import { exposureOf } from "../../model/exposing.ts";
import type { Instance } from "../../model/instance.ts";
import { ANNOTATIONS, FINALIZERS } from "../../model/marks.ts";
import { readNamedData } from "../../model/named_data.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import { parseBytes } from "../../model/quantity.ts";
import type { Service } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";
import type { Store, Tx } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { DONE, type Outcome } from "../outcome.ts";
import { owns } from "./claims.ts";
import type { ServicePlan, ServiceStep, ServiceView } from "./plan.ts";
import { applyRevert, resolveRevert } from "./revert.ts";
import { instanceSpec } from "./rollout.ts";

/** Commits all steps of a plan together, or none if the plan's view is outdated. */
export async function applyService(
  plan: ServicePlan,
  { view, store }: { view: ServiceView; store: Store },
): Promise<Outcome> {
  const revert = plan.steps.find((step) => step.do === "revert")?.revert;
  const resolved = revert && await resolveRevert(view.service, { revert, store });
  await store.transact((tx) => {
    const service = tx.get("service", view.service.namespace, view.service.name);
    if (service?.uid !== view.service.uid) return;
    // The spec changed since the plan was made; another pass follows for it.
    if (
      service.generation !== view.service.generation ||
      service.deletionRequestedAt !== view.service.deletionRequestedAt
    ) return;
    for (const step of plan.steps) {
      if (step.do !== "revert") applyStep(step, { tx, service });
    }
    if (resolved) applyRevert(tx, service, { from: revert.from, ...resolved });
  });
  return plan.afterMs === undefined ? DONE : { type: "again", afterMs: plan.afterMs };
}

function applyStep(
  step: Exclude<ServiceStep, { do: "revert" }>,
  { tx, service }: { tx: Tx; service: Service },
): void {
  const { namespace } = service;
  switch (step.do) {
    case "create":
      return createInstance(step, { tx, service });
    case "makeVolumes": {
      const instance = tx.get("instance", namespace, step.name);
      if (instance && instance.deletionRequestedAt === undefined) makeVolumes(instance, { tx, service });
      return;
    }
    case "remove": {
      const instance = tx.get("instance", namespace, step.name);
      if (!instance || instance.deletionRequestedAt !== undefined) return;
      tx.update(instance, { deletionRequestedAt: tx.now });
      const message = `${instance.name}: ${step.why}`;
      return recordEvent(tx, { namespace, object: service, type: "Normal", reason: "Stopping", message });
    }
    case "promote": {
      const instance = tx.get("instance", namespace, step.name);
      const name = instanceName(service.name, { ordinal: step.ordinal, successor: false });
      if (instance && !tx.get("instance", namespace, name)) tx.update(instance, { name });
      return;
    }
    case "releaseVolume": {
      const volume = tx.get("volume", step.namespace, step.name);
      if (!volume || volume.deletionRequestedAt !== undefined) return;
      tx.update(volume, { status: { ...volume.status, state: "Released", releasedAt: tx.now } });
      return;
    }
    case "deleteVolume": {
      const volume = tx.get("volume", step.namespace, step.name);
      if (!volume || volume.deletionRequestedAt !== undefined) return;
      tx.update(volume, {
        deletionRequestedAt: tx.now,
        status: { ...volume.status, state: "Deleting" },
      });
      return;
    }
    case "drop":
      return tx.remove(service);
    case "setStatus":
      return setStatus(step, { tx, service });
  }
}

function setStatus(
  { status }: Extract<ServiceStep, { do: "setStatus" }>,
  { tx, service }: { tx: Tx; service: Service },
): void {
  const { namespace } = service;
  const before = service.status;
  // The exposure controller may have written this since the plan was made.
  const exposure = exposureOf(service);
  tx.update(service, { status: { ...status, ...(exposure && { exposure }) } });
  if (before.state === status.state && before.reason === status.reason) return;
  if (status.state === "Running" && before.state !== "Running") {
    const message = `${status.ready} of ${service.spec.scale} ready`;
    recordEvent(tx, { namespace, object: service, type: "Normal", reason: "Running", message });
  } else if (status.state === "Completed") {
    const message = `${status.completed} of ${service.spec.scale} ended well`;
    recordEvent(tx, { namespace, object: service, type: "Normal", reason: "Completed", message });
  } else if (status.reason !== undefined) {
    const { reason, message = status.state } = status;
    recordEvent(tx, { namespace, object: service, type: "Warning", reason, message });
  }
}

function createInstance(
  { ordinal, successor, awaitsTurn }: Extract<ServiceStep, { do: "create" }>,
  { tx, service }: { tx: Tx; service: Service },
): void {
  const { namespace } = service;
  const name = instanceName(service.name, { ordinal, successor });
  if (tx.get("instance", namespace, name)) return;
  const instance: Instance = tx.create({
    kind: "instance",
    namespace,
    name,
    labels: service.labels,
    finalizers: [FINALIZERS.run],
    spec: { ...instanceSpec(service, ordinal), ...(awaitsTurn && { awaitsTurn }) },
    status: { state: "Pending", ready: false, run: 0, restarts: 0, crashes: 0, launchFailures: 0 },
  });
  makeVolumes(instance, { tx, service });
}

function makeVolumes({ spec }: Instance, { tx, service }: { tx: Tx; service: Service }): void {
  for (const mount of spec.template.volumes) {
    if (mount.claimTemplate) ensureVolume(mount, { tx, service, ordinal: spec.ordinal });
  }
}

/**
 * Creates the volume of one ordinal if it is missing. An existing volume keeps its data, and grows if the
 * template did.
 */
function ensureVolume(
  mount: VolumeMount,
  { tx, service, ordinal }: { tx: Tx; service: Service; ordinal: number },
): void {
  const { namespace } = service;
  const name = claimedVolumeName({ mount: mount.name, service: service.name, ordinal });
  const template = mount.claimTemplate!;
  const storageClass = template.storageClassName === undefined
    ? tx.list("storageClass").find((c) => c.spec.default)
    : tx.get("storageClass", "", template.storageClassName);
  const reclaimPolicy = template.reclaimPolicy ?? storageClass?.spec.reclaimPolicy ?? "retain";
  const known = tx.get("volume", namespace, name);
  if (known) {
    const volume = takeImageVolume(tx, { volume: known, service, reclaimPolicy });
    return growVolume(tx, { volume, service, size: template.size });
  }
  const className = template.storageClassName ?? storageClass?.name;
  const named = readNamedData(service, mount.name);
  tx.create({
    kind: "volume",
    namespace,
    name,
    labels: service.labels,
    ...(named !== undefined && { annotations: { [ANNOTATIONS.namedData]: named } }),
    finalizers: [FINALIZERS.reclaim],
    spec: {
      ...(className !== undefined && { storageClassName: className }),
      size: template.size,
      accessMode: template.accessMode,
      reclaimPolicy,
      parameters: template.parameters,
    },
    status: { state: "Pending", attempts: 0, ownerService: service.name, conditions: [] },
  });
}

/** Turns a volume that Rune created for the image into the template's volume, with its data. */
function takeImageVolume(
  tx: Tx,
  { volume, service, reclaimPolicy }: {
    volume: Volume;
    service: Service;
    reclaimPolicy: NonNullable<Volume["spec"]["reclaimPolicy"]>;
  },
): Volume {
  const { [ANNOTATIONS.imageContent]: content, ...annotations } = volume.annotations;
  // Until the volume exists, its first content still has to come from the image.
  if (content === undefined || volume.status.handle === undefined || !owns(service, volume)) return volume;
  return tx.update<"volume">(volume, { annotations, spec: { ...volume.spec, reclaimPolicy } });
}

function growVolume(
  tx: Tx,
  { volume, service, size }: { volume: Volume; service: Service; size: string },
): void {
  const own = volume.status.ownerService === service.name && volume.deletionRequestedAt === undefined;
  if (!own || parseBytes(size) <= parseBytes(volume.spec.size)) return;
  tx.update(volume, { spec: { ...volume.spec, size } });
}
