/** Random requests to a daemon that may die while it carries them out. @module */
import { type Body, SCALED, SERVICES } from "./castings.ts";
import { ANY, type Model, type Operation } from "./model.ts";

/** The most snapshots, and the most volumes restored from them, at a time. */
const MOST_COPIES = 4;

/** The inputs of requests. */
export interface Source {
  model: Model;
  random: () => number;
  /** A marker in the environment of every process. */
  marker: string;
}

/** Casts a resource whose label `version` identifies the cast. */
export function put(kind: string, name: string, { version, ...body }: Body & { version: string }): Operation {
  return {
    what: `cast ${kind}/${name} ${version}`,
    method: "PUT",
    path: `/v1/namespaces/default/${kind}/${name}`,
    body: { labels: { version }, ...body },
    changes: { [`${kind}/${name}`]: version },
  };
}

/** Deletes a resource. */
export function remove(kind: string, name: string, query = ""): Operation {
  return {
    what: `delete ${kind}/${name}${query}`,
    method: "DELETE",
    path: `/v1/namespaces/default/${kind}/${name}${query}`,
    changes: { [`${kind}/${name}`]: undefined },
  };
}

/**
 * Casts one of the {@linkcode SERVICES}. Its environment differs by version, so its instances are replaced.
 */
export function putService(
  name: keyof typeof SERVICES,
  { version, marker, ...more }: { version: string; marker: string; scale?: number; update?: Body },
): Operation {
  return put("services", name, {
    version,
    ...SERVICES[name],
    ...more,
    env: { RUNE_TEST_MARKER: marker, VERSION: version },
  });
}

/** A snapshot of the scribe's volume. */
export const putSnapshot = (name: string, version: string): Operation =>
  put("snapshots", name, { version, source: { volume: "data" } });

/** A volume with a snapshot's data. */
export const putRestored = (name: string, from: { snapshot: string; version: string }): Operation =>
  put("volumes", name, {
    version: from.version,
    size: "1Gi",
    accessMode: "ReadWriteOnce",
    reclaimPolicy: "delete",
    source: { snapshot: from.snapshot },
  });

/** A volume whose data goes to the trash. */
export const putSpare = (version: string, size = "1Gi"): Operation =>
  put("volumes", "spare", { version, size, accessMode: "ReadWriteOnce", reclaimPolicy: "delete" });

/** Restores that volume. */
export const undeleteSpare: Operation = {
  what: "undelete volumes/spare",
  method: "POST",
  path: "/v1/namespaces/default/volumes/spare/actions/undelete",
  body: {},
  changes: { "volumes/spare": ANY },
};

/** The next request, number `n`. */
export function randomOperation({ model, random, marker }: Source, n: number): Operation {
  const version = `v${n}`;
  const upTo = (count: number) => Math.floor(random() * count);
  const oneOf = <T>(list: readonly T[]) => list[upTo(list.length)]!;
  const restored = model.names("volumes").filter((name) => name.startsWith("r"));
  const snapshots = model.names("snapshots");
  const choices: (() => Operation)[] = [
    () => putService("writer", { version, marker }),
    () => putService("scribe", { version, marker }),
    ...SCALED.map((name) => () =>
      putService(name, {
        version,
        marker,
        scale: upTo(3),
        update: { strategy: oneOf(["rolling", "rolling", "recreate"]), maxUnavailable: 1 + upTo(2) },
      })
    ),
    () => put("configmaps", `c${upTo(3)}`, { version, data: { text: "x".repeat(upTo(200_000)) } }),
    () => putSpare(version, `${1 + n}Gi`),
    () => remove("volumes", "spare"),
    () => undeleteSpare,
    () => remove("services", oneOf(["writer", "scribe", ...SCALED]), oneOf(["", "?cascade=true"])),
    () =>
      snapshots.length < MOST_COPIES ? putSnapshot(`s${n}`, version) : remove("snapshots", oneOf(snapshots)),
    () =>
      snapshots.length > 0 && restored.length < MOST_COPIES
        ? putRestored(`r${n}`, { snapshot: oneOf(snapshots), version })
        : remove("volumes", oneOf([...restored, "spare"])),
    () => ({ what: "backup", method: "POST", path: "/v1/admin/backup", body: {}, changes: {} }),
  ];
  return oneOf(choices)();
}
