/**
 * Rules that span several resources: a service and the volumes that it claims, a volume and its former spec.
 * All of it is pure, so `lint` can apply to a castfile the rules that the server applies to a castfile and
 * its store.
 * @module
 */
import { claimedVolumeName } from "./claim_names.ts";
import { instanceName } from "./instance_name.ts";
import { sameValue } from "./changes.ts";
import type { Declared, DeclaredSpec } from "./declared.ts";
import { type Depending, findCycles } from "./dependencies.ts";
import { environmentIssues, type FindData } from "./environment_size.ts";
import type { FieldIssue } from "./error.ts";
import { checkExposedOnce, checkExposedScale, Exposures } from "./exposing.ts";
import { describeKey } from "./kinds.ts";
import { type NameRef, parseNameRef } from "./name.ts";
import { parseBytes } from "./quantity.ts";
import type { ServiceSpec } from "./service.ts";
import { type Sharing, sharingIssues, VolumeUses } from "./sharing.ts";
import type { AccessMode, VolumeSpec } from "./volume.ts";

/** Finds a volume's access mode: the one declared in the same set, else the stored one, else undefined. */
export type AccessModeLookup = (namespace: string, name: string) => AccessMode | undefined;

/** Looks up access modes in a set first, and in `stored` second. */
export function accessModes(set: Declared[], stored: AccessModeLookup = () => undefined): AccessModeLookup {
  const declared = new Map<string, AccessMode>();
  for (const d of set) {
    if (d.kind === "volume") declared.set(`${d.namespace}/${d.name}`, d.spec.accessMode);
  }
  return (namespace, name) => declared.get(`${namespace}/${name}`) ?? stored(namespace, name);
}

/** The longest DNS label. Names that Rune derives from a service's name must fit too. */
const MAX_NAME = 63;

/**
 * What a service and the volumes that it mounts must agree on, and whether
 * the names that Rune makes from its name fit.
 */
export function checkService(
  service: { namespace: string; name: string; spec: DeclaredSpec<"service"> },
  modeOf: AccessModeLookup,
): FieldIssue[] {
  const issues: FieldIssue[] = checkExposedScale(service.spec);
  const last = Math.max(0, service.spec.scale - 1);
  const checkName = (path: (string | number)[], made: string, what: string) => {
    if (made.length <= MAX_NAME) return;
    issues.push({
      path,
      message: `the ${what} "${made}" would have ${made.length} characters, expected at most ${MAX_NAME}`,
    });
  };
  // While an instance is replaced, its successor runs beside it.
  checkName(["name"], instanceName(service.name, { ordinal: last, successor: true }), "instance");
  service.spec.volumes.forEach((mount, i) => {
    const template = mount.claimTemplate;
    if (template) {
      const name = claimedVolumeName({ mount: mount.name, service: service.name, ordinal: last });
      checkName(["volumes", i, "name"], name, "volume");
    }
    if (template?.accessMode === "ReadOnlyMany" && !mount.readOnly) {
      issues.push(readOnlyNeeded(i, `the claim template of "${mount.name}"`));
    }
    const ref = mount.claim && parseNameRef(mount.claim.name, service.namespace);
    if (!ref) return;
    const mode = modeOf(ref.namespace, ref.name);
    if (mode === "ReadWriteOnce" && !mount.readOnly && service.spec.scale > 1) {
      issues.push({
        path: ["volumes", i, "claim"],
        message:
          `volume ${ref.namespace}/${ref.name} is ReadWriteOnce: expected scale 1, found ${service.spec.scale}`,
        hint: "use claimTemplate for a volume per instance, or readOnly: true to share it",
      });
    }
    if (mode === "ReadOnlyMany" && !mount.readOnly) {
      issues.push(readOnlyNeeded(i, `volume ${ref.namespace}/${ref.name}`));
    }
  });
  return issues;
}

function readOnlyNeeded(mount: number, what: string): FieldIssue {
  return {
    path: ["volumes", mount, "readOnly"],
    message: `${what} is ReadOnlyMany: expected readOnly: true`,
  };
}

/** What of an existing volume may not change: docs/reference/volume.md. */
export function checkVolumeChange(before: VolumeSpec, after: VolumeSpec): FieldIssue[] {
  const issues: FieldIssue[] = [];
  const hint = "its data is untouched; create another volume and move the data";
  for (const field of ["storageClassName", "accessMode"] as const) {
    if (before[field] !== after[field]) {
      issues.push({
        path: [field],
        message: `cannot change from ${before[field]} to ${after[field]} on an existing volume`,
        hint,
      });
    }
  }
  const keys = new Set([...Object.keys(before.parameters), ...Object.keys(after.parameters)]);
  // This parameter only says which filesystem may be mounted from now on.
  keys.delete("acceptFilesystem");
  for (const key of keys) {
    const [was, is] = [before, after].map(({ parameters }) =>
      Object.hasOwn(parameters, key) ? parameters[key] : undefined
    );
    if (was !== is) {
      issues.push({ path: ["parameters", key], message: "cannot change on an existing volume", hint });
    }
  }
  if (!sameValue(before.source, after.source)) {
    issues.push({ path: ["source"], message: "cannot change on an existing volume", hint });
  }
  if (parseBytes(after.size) < parseBytes(before.size)) {
    issues.push({ path: ["size"], message: `cannot shrink from ${before.size} to ${after.size}`, hint });
  }
  return issues;
}

/** How many services of a cycle a message names. */
const NAMED = 12;

/**
 * Reports each cycle of dependencies once, at its first service in the set.
 *
 * @param options `find` finds services outside the set; `describe` names a service to the author of the set.
 */
export function cycleIssues(
  set: Declared[],
  { find, describe = describeKey }: {
    find: (namespace: string, name: string) => Depending | undefined;
    describe?: (key: NameRef) => string;
  },
): FieldIssue[] {
  const declared = new Map(set.flatMap((d) => d.kind === "service" ? [[`${d.namespace}/${d.name}`, d]] : []));
  const order = new Map([...declared.keys()].map((key, at) => [key, at]));
  const cycles = findCycles(declared.values(), (ns, name) => declared.get(`${ns}/${name}`) ?? find(ns, name));
  const told = new Set<string>();
  return cycles.flatMap((cycle) => {
    const members = cycle.slice(1);
    if (members.some((key) => told.has(key))) return [];
    for (const key of members) told.add(key);
    const first = members.filter((key) => order.has(key)).sort((a, b) => order.get(a)! - order.get(b)!)[0];
    if (first === undefined) return [];
    const at = members.indexOf(first);
    const around = [...members.slice(at), ...members.slice(0, at), first];
    const shown = around.slice(0, NAMED).map((key) => describe(keyOf(key)));
    if (around.length > NAMED) shown.push("…");
    return [{
      path: ["dependencies"],
      message: `services depend on each other in a circle, so none can start: ${shown.join(" → ")}`,
      hint: "remove one of these dependencies",
      resource: set.indexOf(declared.get(first)!),
    }];
  });
}

/** Parses a key of {@linkcode findCycles}. */
function keyOf(key: string): NameRef {
  const [namespace, name] = key.split("/") as [string, string];
  return { namespace, name };
}

/** Finds the values of the configmaps and secrets in a set. */
function declaredData(set: Declared[]): FindData {
  const data = new Map<string, Record<string, string>>();
  for (const d of set) {
    if (d.kind === "configmap" || d.kind === "secret") data.set(`${d.kind} ${describeKey(d)}`, d.spec.data);
  }
  return (kind, namespace, name) => data.get(`${kind} ${describeKey({ namespace, name })}`);
}

/**
 * Applies every rule of this file that needs only the set. Each issue has the index of its resource in the
 * set.
 */
export function checkSet(set: Declared[], stored?: AccessModeLookup): FieldIssue[] {
  const modeOf = accessModes(set, stored);
  const earlier = new Exposures<Declared & { kind: "service" }>();
  const find = declaredData(set);
  const services = set.filter((d) => d.kind === "service");
  const uses = new VolumeUses(services);
  const order = new Map<Sharing, number>(set.flatMap((d, at) => d.kind === "service" ? [[d, at]] : []));
  const issues = set.flatMap((d, resource) => {
    if (d.kind !== "service") return [];
    const found = [
      ...checkService(d, modeOf),
      ...checkExposedOnce(d, { others: earlier.listSharing(d) }),
      ...environmentIssues(d.spec as ServiceSpec, { namespace: d.namespace, find }),
    ];
    earlier.set(d);
    found.push(...sharingIssues(d, { uses, isLater: (other) => order.get(other)! > resource }));
    return found.map((issue) => ({ ...issue, resource }));
  });
  return [...issues, ...cycleIssues(set, { find: () => undefined })];
}
