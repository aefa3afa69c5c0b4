/**
 * Rules of storage classes: the driver must exist, and if there was a default class, there must be exactly
 * one.
 * @module
 */
import type { DeclaredSpec } from "../../model/declared.ts";
import type { FieldIssue } from "../../model/error.ts";
import type { StorageClass, StorageClassSpec } from "../../model/storage_class.ts";
import { didYouMean } from "../../model/suggest.ts";
import { sameValue } from "../../model/changes.ts";
import { describeKey } from "../../model/resource.ts";
import type { Tx } from "../../store/store.ts";
import { seenBy, type Viewer } from "../auth/visibility.ts";
import { markAuthorized, type Writer } from "../auth/write_permits.ts";
import { checkClassHandle } from "./handles.ts";
import { checkSnapshotPolicy } from "./snapshot_policy.ts";
import { checkReclaim, checkSecretReferences } from "./volume.ts";
import type { Verdict, World } from "./world.ts";

/** Checks a storage class. */
export function admitStorageClass(
  { name, spec }: { name: string; spec: DeclaredSpec<"storageClass"> },
  world: World,
): Verdict<StorageClassSpec> {
  const before = world.state.get("storageClass", "", name);
  if (before && sameValue(before.spec, spec)) return { spec, issues: [] };
  const issues: FieldIssue[] = checkSecretReferences(spec.parameters, "default");
  const driver = world.drivers.get(spec.driver);
  if (!driver) {
    issues.push({
      path: ["driver"],
      message: `this daemon has no driver "${spec.driver}"`,
      hint: didYouMean(spec.driver, [...world.drivers.keys()]),
    });
  } else {
    issues.push(
      ...checkReclaim(spec, driver),
      ...checkSnapshotPolicy(spec, driver),
      ...checkClassHandle(spec.parameters, driver),
    );
  }
  if (before) issues.push(...checkChange(before, spec, world));
  if (spec.default && world.newDefaultClass !== undefined && world.newDefaultClass !== name) {
    issues.push({
      path: ["default"],
      message: `only one class can be the default; this cast also makes ${world.newDefaultClass} the default`,
    });
  }
  return { spec, issues };
}

function checkChange(
  before: StorageClass,
  after: DeclaredSpec<"storageClass">,
  world: World,
): FieldIssue[] {
  const issues: FieldIssue[] = [];
  if (before.spec.driver !== after.driver) {
    const users = volumesOf(before.name, world);
    if (users.length > 0) {
      issues.push({
        path: ["driver"],
        message: `cannot change from ${before.spec.driver} to ${after.driver} while volumes use the class: ${
          namesOf(users, world.viewer)
        }`,
        hint: "create another class",
      });
    }
  }
  if (before.spec.default && !after.default && world.newDefaultClass === undefined) {
    issues.push({
      path: ["default"],
      message: `${before.name} is the default class: expected default: true`,
      hint: "make another class the default instead: rune storageclass set-default <name>",
    });
  }
  return issues;
}

/** The volumes of a class. */
export function volumesOf(className: string, world: Pick<World, "state">) {
  return world.state.list("volume").filter((v) => v.spec.storageClassName === className);
}

/** Names up to five of the volumes that the viewer may see, and counts the others. */
export function namesOf(volumes: { namespace: string; name: string }[], viewer: Viewer): string {
  const named = seenBy(viewer, "volume", volumes).slice(0, 5).map(describeKey);
  const more = volumes.length - named.length;
  if (more === 0) return named.join(", ");
  return named.length === 0 ? `${more} that you may not see` : `${named.join(", ")} and ${more} more`;
}

/**
 * Makes a class the default instead of any other class, in the same transaction.
 *
 * @throws {RuneError} `permission_denied`.
 */
export function makeDefault(tx: Tx, name: string, { writer }: { writer: Writer }): void {
  writer.permit({ resource: "storageclasses", verb: "storageclasses.set-default", namespace: "" });
  for (const cls of tx.list("storageClass")) {
    if (cls.spec.default !== (cls.name === name)) {
      markAuthorized(tx, cls);
      tx.update(cls, { spec: { ...cls.spec, default: cls.name === name } });
    }
  }
}
