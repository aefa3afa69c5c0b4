/** What may be deleted, and what a deletion asks of the controllers. @module */
import { mountsAtScale } from "../../model/claim_names.ts";
import type { CastKind } from "../../model/declared.ts";
import { RuneError } from "../../model/error.ts";
import { ANNOTATIONS, FINALIZERS } from "../../model/marks.ts";
import { type AnyResource, describeKey, type Kind } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import type { Reader, Tx } from "../../store/store.ts";
import { nameTo, seenBy, type Viewer } from "../auth/visibility.ts";
import { namesOf, volumesOf } from "./storage_class.ts";
import { checkSnapshotDeletion, checkVolumeSnapshots } from "./snapshot.ts";
import { requireResource, requireVersion } from "./preconditions.ts";

/** What a deletion names. */
export interface Deletion {
  kind: CastKind;
  namespace: string;
  name: string;
  /** Services: with the volumes of their templates. Storage classes: although volumes name it. */
  cascade: boolean;
  /** Volumes: remove the data past the trash. */
  now?: boolean;
  ifVersion?: number;
  /** Who is told what is in the way. */
  viewer: Viewer;
}

/** Kinds for which `cascade` says something; volumes take it because nothing depends on them yet. */
const CASCADES: Kind[] = ["service", "volume", "storageClass"];

/**
 * Deletes a resource, or asks for it where controllers have work to do first.
 *
 * @returns the resource as it was left, or its last state when it is gone.
 * @throws {RuneError} `not_found`, or `conflict` naming what is in the way.
 */
export function deleteResource(tx: Tx, deletion: Deletion): AnyResource {
  const { kind, namespace, name, cascade } = deletion;
  if (cascade && !CASCADES.includes(kind)) {
    throw new RuneError("invalid_argument", `cascade means nothing for a ${kind}`, {
      hint: `leave it out; it is for ${CASCADES.join(", ")}`,
    });
  }
  const resource: AnyResource = requireResource(tx, { kind, namespace, name });
  if (deletion.now) checkNow(resource);
  requireVersion(resource, deletion.ifVersion);
  checkDeletable(tx, resource, deletion);
  if (resource.kind === "secret" && tx.get("sealedSecret", namespace, name)) {
    tx.remove({ kind: "sealedSecret", namespace, name });
  }
  if (resource.kind === "namespace") {
    for (const event of tx.list("event", name)) tx.remove(event);
  }
  if (resource.finalizers.length === 0) {
    tx.remove(resource);
    return resource;
  }
  const finalizers = cascade && kind === "service"
    ? [...new Set([...resource.finalizers, FINALIZERS.volumeCleanup])]
    : resource.finalizers;
  return tx.update(resource, {
    finalizers,
    ...(deletion.now && {
      annotations: { ...resource.annotations, [ANNOTATIONS.deleteNow]: tx.now },
    }),
    deletionRequestedAt: resource.deletionRequestedAt ?? tx.now,
  });
}

/** `now` removes bytes at once: only where removing them is what the volume's own policy asks for. */
function checkNow(resource: AnyResource): void {
  if (resource.kind !== "volume") {
    throw new RuneError("invalid_argument", `now means nothing for a ${resource.kind}`, {
      hint: "leave it out; it is for volumes",
    });
  }
  if (resource.spec.reclaimPolicy === "delete") return;
  throw new RuneError(
    "failed_precondition",
    `volume ${describeKey(resource)} has the reclaim policy retain: its data is kept, now or later`,
    { hint: "leave now out; or cast it with reclaimPolicy: delete first" },
  );
}

function checkDeletable(
  state: Reader,
  resource: AnyResource,
  { cascade, viewer }: Pick<Deletion, "cascade" | "viewer">,
): void {
  // Asked before and on its way: asking again changes nothing.
  if (resource.deletionRequestedAt !== undefined) return;
  switch (resource.kind) {
    case "volume":
      checkVolumeSnapshots(resource, { state, viewer });
      return checkVolume(resource, { state, viewer });
    case "snapshot":
      return checkSnapshotDeletion(resource, { state, viewer });
    case "namespace":
      return checkNamespace(state, resource.name);
    case "storageClass": {
      if (resource.spec.default) {
        throw new RuneError("conflict", `storage class ${resource.name} is the default class`, {
          hint: "make another class the default first: rune storageclass set-default <name>",
        });
      }
      const users = volumesOf(resource.name, { state });
      if (users.length > 0 && !cascade) {
        throw new RuneError(
          "conflict",
          `storage class ${resource.name} is used by ${users.length} volume${
            users.length === 1 ? "" : "s"
          }: ${namesOf(users, viewer)}`,
          { hint: "delete them first, or delete the class alone with --cascade: the volumes stay" },
        );
      }
    }
  }
}

function checkVolume(volume: Volume, { state, viewer }: { state: Reader; viewer: Viewer }): void {
  // Nothing is lost: the row goes when the last that mounts it is gone, and the data stays (seed 000, "Cleaning up").
  if (volume.spec.reclaimPolicy !== "delete" && volume.status.ownerService === undefined) return;
  const key = describeKey(volume);
  const holders = state.get("lease", volume.namespace, volume.name)?.spec.holders ?? [];
  if (holders.length > 0) {
    const seen = seenBy(viewer, "instance", holders).map((h) => `${h.namespace}/${h.instance}`);
    const hidden = holders.length - seen.length;
    const names = [...seen, ...hidden === 0 ? [] : [`${hidden} that you may not see`]].join(", ");
    throw new RuneError("conflict", `volume ${key} is mounted by ${names}`, {
      hint: "stop or delete the service first",
    });
  }
  const service = state.list("service").find((s) =>
    s.deletionRequestedAt === undefined && mountsAtScale(s, volume)
  );
  if (service) {
    throw new RuneError("conflict", `volume ${key} is claimed by ${nameTo(viewer, "service", service)}`, {
      hint: "delete the service first, or cast it without this mount",
    });
  }
}

const CONTENTS = ["service", "instance", "volume", "snapshot", "secret", "configmap"] as const;

function checkNamespace(state: Reader, name: string): void {
  if (name === "default") {
    throw new RuneError("conflict", "the namespace default cannot be deleted", {
      hint: "delete what is in it instead",
    });
  }
  const counts = CONTENTS.map((kind) => ({ kind, count: state.list(kind, name).length }))
    .filter(({ count }) => count > 0).map(({ kind, count }) => `${count} ${kind}${count === 1 ? "" : "s"}`);
  if (counts.length > 0) {
    throw new RuneError("conflict", `namespace ${name} is not empty: ${counts.join(", ")}`, {
      hint: "delete what is in it first",
    });
  }
}
