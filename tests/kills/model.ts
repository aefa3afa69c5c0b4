/**
 * What may be stored after a daemon died: everything acknowledged, and perhaps requests without an answer.
 * @module
 */
import assert from "node:assert/strict";

/** Matches any version: a volume from the trash is as it was when it was deleted. */
export const ANY = "any";

/** One request and its effect; `undefined` means that the resource is gone or going. */
export interface Operation {
  what: string;
  method: string;
  path: string;
  body?: unknown;
  changes: Record<string, string | undefined>;
}

/** See the module comment. */
export class Model {
  /** The versions of each resource that may be stored; `undefined` stands for a deletion. */
  readonly #possible = new Map<string, Set<string | undefined>>();

  /** Names of one kind that may exist. */
  names(kind: string): string[] {
    return [...this.#possible].filter(([key, versions]) =>
      key.startsWith(`${kind}/`) && [...versions].some((version) => version !== undefined)
    ).map(([key]) => key.slice(kind.length + 1));
  }

  /** @returns a function that records the answer; undefined if there was none. */
  noteSent({ changes }: Operation): (ok: boolean | undefined) => void {
    const before = new Map(this.#possible);
    for (const [key, version] of Object.entries(changes)) {
      const known = this.#possible.get(key) ?? new Set([undefined]);
      this.#possible.set(key, new Set([...known, version]));
    }
    return (ok) => {
      if (ok === undefined) return;
      for (const [key, version] of Object.entries(changes)) {
        this.#possible.set(key, ok ? new Set([version]) : before.get(key) ?? new Set([undefined]));
      }
    };
  }

  /**
   * Records what is stored after a restart. @throws {AssertionError} if something acknowledged is missing.
   */
  settle(seen: Map<string, string>): void {
    for (const [key, versions] of this.#possible) {
      const now = seen.get(key);
      assert.ok(
        versions.has(now) || (now !== undefined && (versions.has(undefined) || versions.has(ANY))),
        `${key} is ${now}, expected one of ${[...versions].map(String).join(", ")}`,
      );
      // An accepted deletion continues; one that was not accepted leaves the resource.
      this.#possible.set(key, versions.has(undefined) ? new Set([now, undefined]) : new Set([now]));
    }
  }
}
