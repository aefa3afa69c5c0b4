/** Preconditions of a resource for a write. @module */
import { RuneError } from "../../model/error.ts";
import {
  type AnyResource,
  describeKey,
  type Kind,
  type Kinds,
  type ResourceKey,
} from "../../model/resource.ts";
import type { Reader } from "../../store/store.ts";

/** Returns a resource. @throws {RuneError} `not_found`. */
export function requireResource<K extends Kind>(state: Reader, key: ResourceKey<K>): Kinds[K] {
  const resource = state.get(key.kind, key.namespace, key.name);
  if (resource) return resource;
  throw new RuneError("not_found", `there is no ${key.kind} ${describeKey(key)}`, {
    hint: `see rune get ${key.kind}${key.namespace === "" ? "" : ` -n ${key.namespace}`}`,
  });
}

/** Requires a version, if one is given. @throws {RuneError} `conflict` that names both versions. */
export function requireVersion(resource: AnyResource, ifVersion: number | undefined): void {
  if (ifVersion === undefined || resource.resourceVersion === ifVersion) return;
  throw new RuneError(
    "conflict",
    `${resource.kind} ${describeKey(resource)} is at version ${resource.resourceVersion}, not ${ifVersion}`,
    { hint: "read it again and repeat the change" },
  );
}

/** Requires a resource that is not being deleted. @throws {RuneError} `conflict`. */
export function requireAlive(resource: AnyResource): void {
  if (resource.deletionRequestedAt === undefined) return;
  throw new RuneError("conflict", `${resource.kind} ${describeKey(resource)} is being deleted`, {
    hint: "wait until it is gone, then create it again",
  });
}
