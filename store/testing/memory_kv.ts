/**
 * Deno KV in memory, as far as the store uses it: entries that outlive their handles, and atomic commits.
 * Each commit passes the gate of its handle. `memory_kv_test.ts` compares it with the real one.
 * @module
 */
import { type Gate, OPEN_GATE } from "../../base/testing/gate.ts";

interface Entry {
  key: Deno.KvKey;
  value: unknown;
  versionstamp: string;
}

/** The content of the simulated disk. */
export class MemoryDisk {
  readonly #entries = new Map<string, Entry>();
  #sorted: string[] | undefined;
  #version = 0;

  get(key: Deno.KvKey): Entry | undefined {
    return this.#entries.get(encodeKey(key));
  }

  /** Entries from one key up to another. */
  range(start: string, end: string): Entry[] {
    this.#sorted ??= [...this.#entries.keys()].sort();
    const sorted = this.#sorted;
    let at = lowerBound(sorted, start);
    const found: Entry[] = [];
    for (; at < sorted.length && sorted[at]! < end; at++) found.push(this.#entries.get(sorted[at]!)!);
    return found;
  }

  /** Applies a commit if its checks hold. @returns its versionstamp, or undefined. */
  commit(
    checks: { key: Deno.KvKey; versionstamp: string | null }[],
    mutations: { key: Deno.KvKey; value?: unknown }[],
  ): string | undefined {
    const holds = checks.every(({ key, versionstamp }) =>
      (this.get(key)?.versionstamp ?? null) === versionstamp
    );
    if (!holds) return undefined;
    const versionstamp = String(++this.#version).padStart(20, "0");
    for (const mutation of mutations) {
      const id = encodeKey(mutation.key);
      if (!("value" in mutation)) {
        if (this.#entries.delete(id)) this.#sorted = undefined;
        continue;
      }
      if (!this.#entries.has(id)) this.#sorted = undefined;
      this.#entries.set(id, { key: mutation.key, value: structuredClone(mutation.value), versionstamp });
    }
    return versionstamp;
  }
}

/** Opens a handle on a disk, as a daemon does at start. */
export function openMemoryKv(disk: MemoryDisk, gate: Gate = OPEN_GATE): Deno.Kv {
  const get = (key: Deno.KvKey) => {
    const found = disk.get(key);
    return found
      ? { key, value: structuredClone(found.value), versionstamp: found.versionstamp }
      : { key, value: null, versionstamp: null };
  };
  const kv = {
    get: (key: Deno.KvKey) => Promise.resolve(get(key)),
    getMany: (keys: Deno.KvKey[]) => Promise.resolve(keys.map(get)),
    async *list(selector: Deno.KvListSelector, { limit = Infinity }: { limit?: number } = {}) {
      const prefix = "prefix" in selector ? encodeKey(selector.prefix) : undefined;
      const start = "start" in selector ? encodeKey(selector.start) : prefix!;
      const end = "end" in selector ? encodeKey(selector.end) : `${prefix!}\uffff`;
      // A prefix does not match itself.
      const found = disk.range(start, end).filter(({ key }) => encodeKey(key) !== prefix);
      for (const { key, value, versionstamp } of found.slice(0, limit)) {
        yield { key, value: structuredClone(value), versionstamp };
      }
    },
    async set(key: Deno.KvKey, value: unknown) {
      await kv.atomic().set(key, value).commit();
    },
    atomic() {
      const checks: { key: Deno.KvKey; versionstamp: string | null }[] = [];
      const mutations: { key: Deno.KvKey; value?: unknown }[] = [];
      const operation = {
        check(...all: typeof checks) {
          checks.push(...all);
          return operation;
        },
        set(key: Deno.KvKey, value: unknown) {
          mutations.push({ key, value });
          return operation;
        },
        delete(key: Deno.KvKey) {
          mutations.push({ key });
          return operation;
        },
        async commit() {
          const call = { name: "kv.commit", subject: mutations.map(({ key }) => key.join("/")).join(" ") };
          await gate.enter(call);
          const versionstamp = disk.commit(checks, mutations);
          await gate.leave(call);
          return versionstamp === undefined ? { ok: false } : { ok: true, versionstamp };
        },
      };
      return operation;
    },
    close() {},
  };
  return kv as unknown as Deno.Kv;
}

/** Encodes keys of strings and integers as text that sorts like KV: part by part, strings before numbers. */
function encodeKey(key: Deno.KvKey): string {
  return key.map((part) => {
    if (typeof part === "string") return `s${part}\u0001`;
    if (typeof part === "number" && part >= 0) return `t${String(part).padStart(17, "0")}\u0001`;
    throw new TypeError(`a key of strings and whole numbers is needed, found ${String(part)}`);
  }).join("");
}

function lowerBound(sorted: string[], wanted: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
