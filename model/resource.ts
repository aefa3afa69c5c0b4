/** The type of every kind of resource. @module */
import type { ConfigMap } from "./config_map.ts";
import type { Event } from "./event.ts";
import type { Kind } from "./kinds.ts";
import type { Instance } from "./instance.ts";
import type { Policy, Token, User } from "./identity.ts";
import type { Lease } from "./lease.ts";
import type { Namespace } from "./namespace.ts";
import type { SealedSecret } from "./sealed_secret.ts";
import type { Registry } from "./registry.ts";
import type { Secret } from "./secret.ts";
import type { Service } from "./service.ts";
import type { Snapshot } from "./snapshot.ts";
import type { StorageClass } from "./storage_class.ts";
import type { Volume } from "./volume.ts";

/** The type of each kind. */
export interface Kinds {
  namespace: Namespace;
  storageClass: StorageClass;
  secret: Secret;
  configmap: ConfigMap;
  volume: Volume;
  snapshot: Snapshot;
  service: Service;
  instance: Instance;
  event: Event;
  lease: Lease;
  sealedSecret: SealedSecret;
  user: User;
  token: Token;
  policy: Policy;
  registry: Registry;
}

/** Kinds that the resource routes never show: bookkeeping, ciphertext, and what only `/v1/admin` serves. */
export type HiddenKind = "lease" | "sealedSecret" | "user" | "token" | "policy" | "registry";

/** Any resource. */
export type AnyResource = Kinds[Kind];

/** The key of a resource: kind, namespace (empty for cluster-scoped kinds) and name. */
export interface ResourceKey<K extends Kind = Kind> {
  kind: K;
  namespace: string;
  name: string;
}

export { type Condition, conditionSchema, type Resource, resourceSchema } from "./envelope.ts";
export { describeKey, findKind, type Kind, type KindInfo, KINDS } from "./kinds.ts";
