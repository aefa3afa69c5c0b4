/** One transaction: what it reads, what it stages, and what it finally changed. @module */
import { sameValue } from "../model/changes.ts";
import { RuneError } from "../model/error.ts";
import { type AnyResource, describeKey, type Kind, type Kinds, type ResourceKey } from "../model/resource.ts";
import type { Changes, NewResource, Reader, Tx } from "./contract.ts";
import { freeze, frozenCopy } from "./frozen.ts";
import { Overlay, type Writable } from "./resource_index.ts";

/**
 * The net change of one resource, by uid: created (`now` only), removed (`base` only), or changed and
 * possibly renamed.
 */
export interface NetChange {
  /** The state before the transaction. */
  base?: AnyResource;
  /** The state after it. */
  now?: AnyResource;
  /** Its generation increases even if its spec is the same. */
  bumped?: true;
}

/** The limit for a namespace or a name in UTF-8 bytes, well below the 2,048 that KV allows a key. */
const MAX_NAME_BYTES = 512;

/** See {@linkcode Tx}. No write leaves it until `writeTo`. */
export class Transaction implements Tx {
  readonly now: string;
  readonly #revision: number;
  readonly #overlay: Overlay;
  readonly #touched = new Map<string, NetChange>();
  #ended = false;

  constructor(below: Reader, options: { now: string; revision: number }) {
    this.now = options.now;
    this.#revision = options.revision;
    this.#overlay = new Overlay(below);
  }

  get<K extends Kind>(kind: K, namespace: string, name: string): Kinds[K] | undefined {
    return this.#overlay.get(kind, namespace, name);
  }

  list<K extends Kind>(kind: K, namespace?: string): Kinds[K][] {
    return this.#overlay.list(kind, namespace);
  }

  create<K extends Kind>(resource: NewResource<K>): Kinds[K] {
    this.#refuseEnded();
    this.#refuseTaken(resource);
    const made = frozenCopy({
      kind: resource.kind,
      namespace: resource.namespace,
      name: resource.name,
      uid: crypto.randomUUID(),
      generation: 1,
      resourceVersion: this.#revision,
      labels: resource.labels ?? {},
      annotations: resource.annotations ?? {},
      createdAt: this.now,
      updatedAt: this.now,
      finalizers: resource.finalizers ?? [],
      spec: resource.spec,
      status: resource.status,
    }) as unknown as Kinds[K];
    this.#overlay.put(made);
    this.#touched.set(made.uid, { now: made });
    return made;
  }

  update<K extends Kind>(
    resource: Kinds[K],
    changes: Changes<K>,
    options: { ifVersion?: number } = {},
  ): Kinds[K] {
    this.#refuseEnded();
    const current: AnyResource = this.#find(resource);
    if (current.uid !== resource.uid) {
      throw new RuneError(
        "conflict",
        `${resource.kind} ${describeKey(resource)} was deleted and created again`,
        {
          hint: "read it again and repeat the change if it still applies",
        },
      );
    }
    const { ifVersion = current.resourceVersion } = options;
    if (ifVersion !== current.resourceVersion) {
      throw new RuneError(
        "conflict",
        `${resource.kind} ${
          describeKey(resource)
        } is at version ${current.resourceVersion}, not at ${ifVersion}`,
        { hint: "read it again and repeat the change on the newer version" },
      );
    }
    const next = merge(current, changes);
    const touched = this.#touched.get(current.uid);
    const bumped = changes.bumpGeneration ?? touched?.bumped;
    if (next === current && !changes.bumpGeneration) return current as Kinds[K];
    if (next.name !== current.name) this.#refuseTaken(next);
    const base = touched ? touched.base : current;
    this.#overlay.delete(current);
    if (base && !bumped && sameContent(base, next)) {
      this.#touched.delete(base.uid);
      this.#overlay.put(base);
      return base as Kinds[K];
    }
    const specChanged = base !== undefined && !sameValue(base.spec, next.spec);
    const stamped = freeze({
      ...next,
      generation: (base?.generation ?? 1) + (specChanged || (base && bumped) ? 1 : 0),
      resourceVersion: this.#revision,
      updatedAt: this.now,
    }) as Kinds[K];
    this.#overlay.put(stamped);
    this.#touched.set(stamped.uid, { base, now: stamped, ...(bumped && { bumped }) });
    return stamped;
  }

  remove(key: ResourceKey): void {
    this.#refuseEnded();
    const current: AnyResource = this.#find(key);
    this.#overlay.delete(current);
    const touched = this.#touched.get(current.uid);
    const base = touched ? touched.base : current;
    if (base) this.#touched.set(base.uid, { base });
    else this.#touched.delete(current.uid);
  }

  /**
   * Ends it and refuses further writes. Returns its changes, in the order of the first write to each
   * resource.
   */
  end(): NetChange[] {
    this.#ended = true;
    return [...this.#touched.values()];
  }

  /** Repeats its writes on `target`. */
  writeTo(target: Writable): void {
    this.#overlay.writeTo(target);
  }

  #find<K extends Kind>({ kind, namespace, name }: ResourceKey<K>): Kinds[K] {
    const found = this.#overlay.get(kind, namespace, name);
    if (found) return found;
    throw new RuneError("not_found", `there is no ${kind} ${describeKey({ namespace, name })}`, {
      hint: "it may have been deleted meanwhile; list what exists",
    });
  }

  #refuseTaken(key: ResourceKey): void {
    checkKey(key);
    if (this.#overlay.get(key.kind, key.namespace, key.name) === undefined) return;
    throw new RuneError("already_exists", `${key.kind} ${describeKey(key)} exists already`, {
      hint: "choose another name, or change the existing one",
    });
  }

  #refuseEnded(): void {
    if (this.#ended) {
      throw new RuneError("internal", "a write came after the end of its transaction", {
        hint: "the function passed to transact() must be synchronous",
      });
    }
  }
}

/**
 * `current` with the changes, or `current` itself if nothing differs. Unchanged parts stay the same objects.
 */
function merge<K extends Kind>(current: AnyResource, changes: Changes<K>): AnyResource {
  const next: Record<string, unknown> = { ...current };
  let changed = false;
  for (
    const part of [
      "name",
      "deletionRequestedAt",
      "labels",
      "annotations",
      "finalizers",
      "spec",
      "status",
    ] as const
  ) {
    if (changes[part] === undefined || changes[part] === current[part]) continue;
    const value = frozenCopy(changes[part]);
    if (sameValue(value, current[part])) continue;
    next[part] = value;
    changed = true;
  }
  return changed ? next as unknown as AnyResource : current;
}

function sameContent(a: AnyResource, b: AnyResource): boolean {
  const stamps = { generation: 0, resourceVersion: 0, updatedAt: "" };
  return sameValue({ ...a, ...stamps }, { ...b, ...stamps });
}

function checkKey({ kind, namespace, name }: ResourceKey): void {
  for (const text of [namespace, name]) {
    if (
      text.includes("\0") || !text.isWellFormed() || new TextEncoder().encode(text).length > MAX_NAME_BYTES
    ) {
      throw new RuneError("invalid_argument", `${JSON.stringify(text.slice(0, 64))} cannot name a ${kind}`, {
        hint: `use at most ${MAX_NAME_BYTES} bytes of text`,
      });
    }
  }
  if (name === "") {
    throw new RuneError("invalid_argument", `a ${kind} needs a name`, { hint: "give it one" });
  }
}
