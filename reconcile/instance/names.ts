/**
 * The names of an instance on the network. It has them only while it is ready: docs/decisions/0006.
 * @module
 */
import { instanceName } from "../../model/instance_name.ts";
import type { Publication, RunState } from "../../runners/runner.ts";
import { sameValue } from "../../model/changes.ts";
import { dependencyRef, dependsOn } from "../../model/dependencies.ts";
import { healthOf, type Instance } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import type { Store } from "../../store/store.ts";
import type { InstanceView, SharedRole } from "./view.ts";

/** Whether an instance must pass a check before it is ready. */
export function hasCheck(instance: Pick<Instance, "spec" | "status">): boolean {
  return Object.values(healthOf(instance) ?? {}).some((probe) => probe !== undefined);
}

/** The instance's own name on a network, the same for all its runs. */
const hostNameOf = ({ service, ordinal }: Instance["spec"]) => instanceName(service, { ordinal });

/**
 * The instance's names on the namespace's network: the service's name, with and without namespace, and its
 * own.
 */
export function namesOf({ namespace, spec }: Instance): string[] {
  return [spec.service, `${spec.service}.${namespace}.rune`, hostNameOf(spec)];
}

/** The instance's names on the shared network, which include the namespace. */
export function sharedNamesOf({ namespace, spec }: Instance): string[] {
  return [`${spec.service}.${namespace}.rune`, `${hostNameOf(spec)}.${namespace}.rune`];
}

const seenAt = new WeakMap<Store, { revision: number; keys: Set<string> }>();

/**
 * Keys of services on which a service in another namespace depends, computed once per store revision.
 */
function seenServices(store: Store): Set<string> {
  const known = seenAt.get(store);
  if (known?.revision === store.revision) return known.keys;
  const keys = new Set<string>();
  for (const { namespace, spec } of store.list("service")) {
    for (const dependency of spec.dependencies) {
      const ref = dependencyRef(dependency, namespace);
      if (ref.namespace !== namespace) keys.add(`${ref.namespace}/${ref.name}`);
    }
  }
  seenAt.set(store, { revision: store.revision, keys });
  return keys;
}

/** How the instances of a service take part in the shared network. */
export function sharedRole({ namespace, name, spec }: Service, store: Store): SharedRole {
  return {
    seen: seenServices(store).has(`${namespace}/${name}`),
    sees: spec.dependencies.some((d) => dependencyRef(d, namespace).namespace !== namespace),
  };
}

/**
 * Uids of the instances whose role in the shared network may change with this service's dependencies.
 */
export function seenBy(service: Service, instances: Instance[]): string[] {
  const crossing = service.spec.dependencies
    .some((d) => dependencyRef(d, service.namespace).namespace !== service.namespace);
  if (!crossing) return [];
  return instances.filter((i) =>
    i.spec.service === service.name && i.namespace === service.namespace ||
    dependsOn(service, { namespace: i.namespace, name: i.spec.service })
  ).map((i) => i.uid);
}

/** The names to publish for a running run, or undefined if its names are already right. */
export function missingNames(
  { instance, shared }: Pick<InstanceView, "instance" | "shared">,
  { run, ready }: { run: RunState; ready: boolean },
): Publication | undefined {
  if (instance.spec.runner !== "docker") return undefined;
  const names = ready ? namesOf(instance) : [];
  const sharedNames = ready && shared?.seen
    ? sharedNamesOf(instance)
    : shared?.seen || shared?.sees || run.sharedNames !== undefined
    ? []
    : undefined;
  // Ignore the host name: the Engine adds it by itself when a run joins a network.
  const { service, ordinal } = instance.spec;
  const hostNames = [false, true].map((successor) => instanceName(service, { ordinal, successor }));
  const listCounted = (list: string[]) => list.filter((name) => !hostNames.includes(name)).sort();
  const areSame = (wanted: string[] | undefined, found: string[] | undefined) =>
    wanted === undefined || (found !== undefined && sameValue(listCounted(wanted), listCounted(found)));
  if (areSame(names, run.names) && areSame(sharedNames, run.sharedNames)) return undefined;
  return { names, ...(sharedNames && { sharedNames }) };
}
