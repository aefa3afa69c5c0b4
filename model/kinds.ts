/**
 * The table of kinds, and how words and messages name them. Free of schemas, so that a client that only reads starts fast.
 * @module
 */

/** The name of a kind, as castfiles and `kind` fields write it. */
export type Kind =
  | "namespace"
  | "storageClass"
  | "secret"
  | "configmap"
  | "volume"
  | "snapshot"
  | "service"
  | "instance"
  | "event"
  | "lease"
  | "sealedSecret"
  | "user"
  | "token"
  | "policy"
  | "registry";

/** What the rest of the program needs to know of a kind. */
export interface KindInfo {
  kind: Kind;
  /** In URLs and on the command line: `services`. */
  plural: string;
  /** Other names the command line takes; singular and plural always count. */
  aliases: string[];
  namespaced: boolean;
  /** May stand in a castfile. */
  castable: boolean;
  /** Shown by the API. */
  public: boolean;
  /** Past specs are kept (`rune history`), each with the fields of which a change alone makes no new one; absent: none are kept. */
  history?: { aside: readonly string[] };
}

const row = (
  kind: Kind,
  plural: string,
  aliases: string[],
  flags: { cluster?: true; cast?: true; hidden?: true; history?: KindInfo["history"] },
): KindInfo => ({
  kind,
  plural,
  aliases,
  namespaced: !flags.cluster,
  castable: flags.cast ?? false,
  public: !flags.hidden,
  ...(flags.history && { history: flags.history }),
});

/** Every kind, in the order in which a cast applies them (SPEC 2). */
export const KINDS: Record<Kind, KindInfo> = {
  namespace: row("namespace", "namespaces", ["ns"], { cluster: true, cast: true }),
  storageClass: row("storageClass", "storageclasses", ["sc"], { cluster: true, cast: true }),
  secret: row("secret", "secrets", [], { cast: true }),
  configmap: row("configmap", "configmaps", ["cm"], { cast: true }),
  volume: row("volume", "volumes", ["vol"], { cast: true }),
  snapshot: row("snapshot", "snapshots", ["snap"], { cast: true }),
  service: row("service", "services", ["svc"], {
    cast: true,
    // How many there are follows the load, and is no version.
    history: { aside: ["scale"] },
  }),
  instance: row("instance", "instances", ["inst"], {}),
  event: row("event", "events", ["ev"], {}),
  lease: row("lease", "leases", [], { hidden: true }),
  sealedSecret: row("sealedSecret", "sealedsecrets", [], { hidden: true }),
  user: row("user", "users", [], { cluster: true, hidden: true }),
  token: row("token", "tokens", [], { cluster: true, hidden: true }),
  policy: row("policy", "policies", [], { cluster: true, hidden: true }),
  registry: row("registry", "registries", [], { cluster: true, hidden: true }),
};

/** The kind that a word means (`service`, `services`, `svc`, any case), or undefined. */
export function findKind(word: string): KindInfo | undefined {
  const wanted = word.toLowerCase();
  return Object.values(KINDS).find((k) =>
    k.kind.toLowerCase() === wanted || k.plural === wanted || k.aliases.includes(wanted)
  );
}

/**
 * How what is written into a namespace, a message or an event, names a resource: one of another namespace without its name, for
 * it is read by whoever may read here.
 */
export function describeWithin(
  namespace: string,
  { kind, ...key }: { kind: Kind; namespace: string; name: string },
): string {
  if (key.namespace === namespace) return `${kind} ${describeKey(key)}`;
  return `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind} of another namespace`;
}

/** `default/web`, or `local` for a cluster-scoped kind: how messages name a resource. */
export function describeKey(key: { namespace: string; name: string }): string {
  return key.namespace === "" ? key.name : `${key.namespace}/${key.name}`;
}
