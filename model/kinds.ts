/**
 * The table of kinds, and how commands and messages name them. Uses no schemas, so that read-only clients
 * start fast.
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

/** What the program needs to know about a kind. */
export interface KindInfo {
  kind: Kind;
  /** The plural, for URLs and the command line: `services`. */
  plural: string;
  /** Other names on the command line, besides singular and plural. */
  aliases: string[];
  namespaced: boolean;
  /** Whether a castfile may contain it. */
  castable: boolean;
  /** Whether the API shows it. */
  public: boolean;
  /** Set if past specs are kept (`rune history`): the fields whose change alone makes no new version. */
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

/** Every kind, in the order in which a cast applies them. */
export const KINDS: Record<Kind, KindInfo> = {
  namespace: row("namespace", "namespaces", ["ns"], { cluster: true, cast: true }),
  storageClass: row("storageClass", "storageclasses", ["sc"], { cluster: true, cast: true }),
  secret: row("secret", "secrets", [], { cast: true }),
  configmap: row("configmap", "configmaps", ["cm"], { cast: true }),
  volume: row("volume", "volumes", ["vol"], { cast: true }),
  snapshot: row("snapshot", "snapshots", ["snap"], { cast: true }),
  service: row("service", "services", ["svc"], {
    cast: true,
    // The scale follows the load and is not part of a version.
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

/** Finds the kind that a word means (`service`, `services`, `svc`, in any case). */
export function findKind(word: string): KindInfo | undefined {
  const wanted = word.toLowerCase();
  return Object.values(KINDS).find((k) =>
    k.kind.toLowerCase() === wanted || k.plural === wanted || k.aliases.includes(wanted)
  );
}

/**
 * Names a resource in a message or event of a namespace. A resource of another namespace stays anonymous,
 * because everybody with access to this namespace can read it.
 */
export function describeWithin(
  namespace: string,
  { kind, ...key }: { kind: Kind; namespace: string; name: string },
): string {
  if (key.namespace === namespace) return `${kind} ${describeKey(key)}`;
  return `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind} of another namespace`;
}

/** `default/web`, or `local` for a cluster-scoped kind. */
export function describeKey(key: { namespace: string; name: string }): string {
  return key.namespace === "" ? key.name : `${key.namespace}/${key.name}`;
}
