/**
 * What may be stored after a daemon died: all that was acknowledged, and perhaps what was sent and not
 * answered.
 * @module
 */
import assert from "node:assert/strict";

/** A version that stands for any: what comes back out of the trash is as it was then. */
export const ANY = "any";

/** One request and what it makes true; `undefined` means that the thing is gone or going. */
export interface Operation {
  what: string;
  method: string;
  path: string;
  body?: unknown;
  changes: Record<string, string | undefined>;
}

/** See the module comment. */
export class Model {
  /** Resource → the versions of it that may be stored; `undefined` stands for a deletion. */
  readonly #possible = new Map<string, Set<string | undefined>>();

  /** Names of one kind that may be there. */
  names(kind: string): string[] {
    return [...this.#possible].filter(([key, versions]) =>
      key.startsWith(`${kind}/`) && [...versions].some((version) => version !== undefined)
    ).map(([key]) => key.slice(kind.length + 1));
  }

  /** @returns what takes in the answer: undefined when there was none. */
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

  /** Takes in what is stored after a restart. @throws {AssertionError} when something acknowledged is not. */
  settle(seen: Map<string, string>): void {
    for (const [key, versions] of this.#possible) {
      const now = seen.get(key);
      assert.ok(
        versions.has(now) || (now !== undefined && (versions.has(undefined) || versions.has(ANY))),
        `${key} is ${now}, expected one of ${[...versions].map(String).join(", ")}`,
      );
      // A deletion that was accepted goes on; one that was not leaves what was there.
      this.#possible.set(key, versions.has(undefined) ? new Set([now, undefined]) : new Set([now]));
    }
  }
}
