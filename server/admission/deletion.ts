/** Checks deletions, and hands those that need cleanup to the controllers. @module */
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

/** A deletion. */
export interface Deletion {
  kind: CastKind;
  namespace: string;
  name: string;
  /**
   * For a service: delete the volumes of its templates too. For a storage class: delete it although volumes
   * use it.
   */
  cascade: boolean;
  /** For a volume: destroy the data at once instead of moving it to the trash. */
  now?: boolean;
  ifVersion?: number;
  /** The caller who reads what prevents the deletion. */
  viewer: Viewer;
}

/** Kinds that accept `cascade`. For volumes it has no effect yet, since nothing depends on them. */
const CASCADES: Kind[] = ["service", "volume", "storageClass"];

/**
 * Deletes a resource, or marks it for deletion if controllers have to clean up first.
 *
 * @returns the marked resource, or the last state of a deleted one.
 * @throws {RuneError} `not_found`, or `conflict` that names what prevents the deletion.
 */
export function deleteResource(tx: Tx, deletion: Deletion): AnyResource {
  const { kind, namespace, name, cascade } = deletion;
  if (cascade && !CASCADES.includes(kind)) {
    throw new RuneError("invalid_argument", `cascade has no meaning for a ${kind}`, {
      hint: `leave it out; it applies to ${CASCADES.join(", ")}`,
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

/** Permits `now`, which destroys data at once, only if the volume's reclaim policy is to delete. */
function checkNow(resource: AnyResource): void {
  if (resource.kind !== "volume") {
    throw new RuneError("invalid_argument", `now has no meaning for a ${resource.kind}`, {
      hint: "leave it out; it applies to volumes",
    });
  }
  if (resource.spec.reclaimPolicy === "delete") return;
  throw new RuneError(
    "failed_precondition",
    `volume ${describeKey(resource)} has the reclaim policy retain, so its data is never destroyed`,
    { hint: "leave out now, or cast the volume with reclaimPolicy: delete first" },
  );
}

function checkDeletable(
  state: Reader,
  resource: AnyResource,
  { cascade, viewer }: Pick<Deletion, "cascade" | "viewer">,
): void {
  // The deletion is already under way; a repeated request changes nothing.
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
          { hint: "delete them first, or delete only the class with --cascade; the volumes stay" },
        );
      }
    }
  }
}

function checkVolume(volume: Volume, { state, viewer }: { state: Reader; viewer: Viewer }): void {
  // With `retain` no data is destroyed: the volume is removed when its last user is gone, and the data stays.
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
