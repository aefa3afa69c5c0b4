/** Dependencies between services: resolves references and finds cycles. Pure. @module */
import { type NameRef, parseNameRef } from "./name.ts";
import { describeKey } from "./kinds.ts";
import type { ServiceSpec } from "./service.ts";

/** The parts of a service that its dependencies need. */
export interface Depending {
  namespace: string;
  name: string;
  spec: Pick<ServiceSpec, "dependencies">;
}

type Dependency = ServiceSpec["dependencies"][number];

/**
 * The service that a dependency of a service in `namespace` names. A dotted name carries its own namespace.
 */
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

/** A service on the current path of the search, and how much of it has been searched. */
interface Step {
  service: Depending;
  key: string;
  next: number;
}

/**
 * Finds cycles of dependencies that `starts` can reach, each as keys from one of its services back to itself.
 * The search visits every service once, so it may report only one of several cycles that share a service.
 *
 * @param find finds a service that exists or is about to.
 * @param most ends the search after this many cycles.
 */
export function findCycles(
  starts: Iterable<Depending>,
  find: (namespace: string, name: string) => Depending | undefined,
  { most = 20 }: { most?: number } = {},
): string[][] {
  const cycles: string[][] = [];
  const seen = new Set<string>();
  for (const start of starts) {
    const path: Step[] = [];
    /** The position of each service on the path. */
    const onPath = new Map<string, number>();
    const enter = (service: Depending, key: string) => {
      seen.add(key);
      onPath.set(key, path.length);
      path.push({ service, key, next: 0 });
    };
    if (!seen.has(describeKey(start))) enter(start, describeKey(start));
    for (let step = path.at(-1); step && cycles.length < most; step = path.at(-1)) {
      const dependency = step.service.spec.dependencies[step.next++];
      if (dependency === undefined) {
        path.pop();
        onPath.delete(step.key);
        continue;
      }
      const ref = dependencyRef(dependency, step.service.namespace);
      const key = describeKey(ref);
      const at = onPath.get(key);
      if (at !== undefined) cycles.push([...path.slice(at).map((on) => on.key), key]);
      if (seen.has(key)) continue;
      const found = find(ref.namespace, ref.name);
      if (found) enter(found, key);
    }
  }
  return cycles;
}
