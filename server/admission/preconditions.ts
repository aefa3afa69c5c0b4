/** What must hold of a resource before a request may write it. @module */
import { RuneError } from "../../model/error.ts";
import {
  type AnyResource,
  describeKey,
  type Kind,
  type Kinds,
  type ResourceKey,
} from "../../model/resource.ts";
import type { Reader } from "../../store/store.ts";

/** @throws {RuneError} `not_found`. */
export function requireResource<K extends Kind>(state: Reader, key: ResourceKey<K>): Kinds[K] {
  const resource = state.get(key.kind, key.namespace, key.name);
  if (resource) return resource;
  throw new RuneError("not_found", `there is no ${key.kind} ${describeKey(key)}`, {
    hint: `see rune get ${key.kind}${key.namespace === "" ? "" : ` -n ${key.namespace}`}`,
  });
}

/** @throws {RuneError} `conflict` naming both versions. */
export function requireVersion(resource: AnyResource, ifVersion: number | undefined): void {
  if (ifVersion === undefined || resource.resourceVersion === ifVersion) return;
  throw new RuneError(
    "conflict",
    `${resource.kind} ${describeKey(resource)} is at version ${resource.resourceVersion}, not ${ifVersion}`,
    { hint: "read it again and repeat the change" },
  );
}

/** @throws {RuneError} `conflict` when it is being deleted. */
export function requireAlive(resource: AnyResource): void {
  if (resource.deletionRequestedAt === undefined) return;
  throw new RuneError("conflict", `${resource.kind} ${describeKey(resource)} is being deleted`, {
    hint: "wait until it is gone, then make it again",
  });
}
