/**
 * The envelope that every stored resource shares.
 * @module
 */
import { z } from "zod";
import type { ConfigMap } from "./config_map.ts";
import type { Event } from "./event.ts";
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

/** A resource as the store keeps it and the API returns it (DESIGN, "The store"). Always frozen. */
export interface Resource<K extends string, Spec, Status> {
  kind: K;
  /** Empty for cluster-scoped kinds. */
  namespace: string;
  name: string;
  /** A UUID; a resource deleted and made again has another. */
  uid: string;
  /** Counts accepted changes of `spec`, from 1. */
  generation: number;
  /** The revision of the last write of any part; the API's ETag. */
  resourceVersion: number;
  labels: Record<string, string>;
  /** Set by Rune, not by castfiles: `rune.io/restarted-at`. */
  annotations: Record<string, string>;
  /** RFC 3339, UTC, milliseconds. */
  createdAt: string;
  updatedAt: string;
  /** Deletion was asked for; the resource goes when `finalizers` is empty. */
  deletionRequestedAt?: string;
  finalizers: string[];
  spec: Spec;
  status: Status;
}

/** Which type each kind has. */
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

/** Kinds that the resource routes never show: bookkeeping, ciphertext, and what only `/v1/admin` speaks of. */
export type HiddenKind = "lease" | "sealedSecret" | "user" | "token" | "policy" | "registry";

/** The name of a kind, as castfiles and `kind` fields write it. */
export type Kind = keyof Kinds;
/** Any resource. */
export type AnyResource = Kinds[Kind];

/** What names a resource: its kind, namespace (empty for cluster-scoped kinds) and name. */
export interface ResourceKey<K extends Kind = Kind> {
  kind: K;
  namespace: string;
  name: string;
}

export { describeKey, findKind, type KindInfo, KINDS } from "./kinds.ts";

/** A condition: one observed truth about a resource; `since` moves only when `value` does. */
export const conditionSchema = z.object({
  type: z.string(),
  value: z.boolean(),
  reason: z.string().optional(),
  message: z.string().optional(),
  since: z.string(),
});
/** See {@linkcode conditionSchema}. */
export type Condition = z.infer<typeof conditionSchema>;

/** The schema of a stored resource, as the API documents it. */
export function resourceSchema<K extends Kind, S extends z.ZodType, T extends z.ZodType>(
  kind: K,
  parts: { spec: S; status: T },
) {
  return z.object({
    kind: z.literal(kind),
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    generation: z.number().int(),
    resourceVersion: z.number().int(),
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
    createdAt: z.string(),
    updatedAt: z.string(),
    deletionRequestedAt: z.string().optional(),
    finalizers: z.array(z.string()),
    spec: parts.spec,
    status: parts.status,
  });
}
