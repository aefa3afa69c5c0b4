/**
 * Resources in memory: the committed state, and overlays that show it with staged writes on top.
 * @module
 */
import type { AnyResource, Kind, Kinds, ResourceKey } from "../model/resource.ts";
import type { Reader } from "./contract.ts";

/** A {@linkcode Reader} that can be written. */
export interface Writable extends Reader {
  put(resource: AnyResource): void;
  delete(key: ResourceKey): void;
}

interface Scope {
  byName: Map<string, AnyResource>;
  /** Sorted names, built when a list needs them and dropped when a name is added or removed. */
  names?: string[];
}

/** kind → namespace → name. */
export class ResourceIndex implements Writable {
  readonly #kinds = new Map<Kind, Map<string, Scope>>();

  get<K extends Kind>(kind: K, namespace: string, name: string): Kinds[K] | undefined {
    return this.#kinds.get(kind)?.get(namespace)?.byName.get(name) as Kinds[K] | undefined;
  }

  list<K extends Kind>(kind: K, namespace?: string): Kinds[K][] {
    const scopes = this.#kinds.get(kind);
    const found: AnyResource[] = [];
    for (const ns of namespace === undefined ? [...scopes?.keys() ?? []].sort() : [namespace]) {
      const scope = scopes?.get(ns);
      if (!scope) continue;
      scope.names ??= [...scope.byName.keys()].sort();
      for (const name of scope.names) found.push(scope.byName.get(name)!);
    }
    return found as Kinds[K][];
  }

  put(resource: AnyResource): void {
    let scopes = this.#kinds.get(resource.kind);
    if (!scopes) this.#kinds.set(resource.kind, scopes = new Map());
    let scope = scopes.get(resource.namespace);
    if (!scope) scopes.set(resource.namespace, scope = { byName: new Map() });
    if (!scope.byName.has(resource.name)) scope.names = undefined;
    scope.byName.set(resource.name, resource);
  }

  delete({ kind, namespace, name }: ResourceKey): void {
    const scope = this.#kinds.get(kind)?.get(namespace);
    if (!scope?.byName.delete(name)) return;
    scope.names = undefined;
    if (scope.byName.size === 0) this.#kinds.get(kind)!.delete(namespace);
  }
}

/** Staged writes over another reader, which stays unchanged until `writeTo`. */
export class Overlay implements Writable {
  readonly #below: Reader;
  readonly #kinds = new Map<Kind, Map<string, { key: ResourceKey; resource?: AnyResource }>>();

  constructor(below: Reader) {
    this.#below = below;
  }

  get<K extends Kind>(kind: K, namespace: string, name: string): Kinds[K] | undefined {
    const staged = this.#kinds.get(kind)?.get(id({ namespace, name }));
    return staged ? staged.resource as Kinds[K] | undefined : this.#below.get(kind, namespace, name);
  }

  list<K extends Kind>(kind: K, namespace?: string): Kinds[K][] {
    const below = this.#below.list(kind, namespace);
    const staged = this.#kinds.get(kind);
    if (!staged) return below;
    const kept = below.filter((resource) => !staged.has(id(resource)));
    for (const { resource } of staged.values()) {
      if (resource && (namespace === undefined || resource.namespace === namespace)) {
        kept.push(resource as Kinds[K]);
      }
    }
    return kept.sort((a, b) => order(a.namespace, b.namespace) || order(a.name, b.name));
  }

  put(resource: AnyResource): void {
    this.#stage(resource, resource);
  }

  delete(key: ResourceKey): void {
    this.#stage(key, undefined);
  }

  /** Repeats the staged writes on `target`. */
  writeTo(target: Writable): void {
    for (const staged of this.#kinds.values()) {
      for (const { key, resource } of staged.values()) {
        if (resource) target.put(resource);
        else target.delete(key);
      }
    }
  }

  #stage(key: ResourceKey, resource: AnyResource | undefined): void {
    let staged = this.#kinds.get(key.kind);
    if (!staged) this.#kinds.set(key.kind, staged = new Map());
    staged.set(id(key), { key, resource });
  }
}

/** Names cannot contain NUL: the transaction refuses them. */
function id({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}\0${name}`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
