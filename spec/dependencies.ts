/** Who depends on whom: references resolved, and circles found. Pure. @module */
import { type NameRef, parseNameRef } from "./name.ts";
import { describeKey } from "./kinds.ts";
import type { ServiceSpec } from "./service.ts";

/** A service as far as its dependencies go. */
export interface Depending {
  namespace: string;
  name: string;
  spec: Pick<ServiceSpec, "dependencies">;
}

type Dependency = ServiceSpec["dependencies"][number];

/** The service that a dependency of a service in `namespace` means. A dotted name carries its own namespace. */
export function dependencyRef(dependency: Dependency, namespace: string): NameRef {
  return parseNameRef(dependency.service, dependency.namespace ?? namespace)!;
}

/** Whether `service` depends on the service with this key. */
export function dependsOn(service: Depending, key: { namespace: string; name: string }): boolean {
  return service.spec.dependencies.some((d) => {
    const ref = dependencyRef(d, service.namespace);
    return ref.namespace === key.namespace && ref.name === key.name;
  });
}

/**
 * A circle of dependencies through `start`, as keys from `start` back to itself, or undefined.
 *
 * @param find the services that exist or are about to.
 */
export function findCycle(
  start: Depending,
  find: (namespace: string, name: string) => Depending | undefined,
): string[] | undefined {
  const goal = describeKey(start);
  const seen = new Set<string>();
  const search = (service: Depending, path: string[]): string[] | undefined => {
    for (const dependency of service.spec.dependencies) {
      const ref = dependencyRef(dependency, service.namespace);
      const key = describeKey(ref);
      if (key === goal) return [...path, key];
      if (seen.has(key)) continue;
      seen.add(key);
      const next = find(ref.namespace, ref.name);
      const found = next && search(next, [...path, key]);
      if (found) return found;
    }
    return undefined;
  };
  return search(start, [goal]);
}
