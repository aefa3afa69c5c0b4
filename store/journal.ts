/**
 * The journal: every change of every revision, in order. All watchers share its newest part, in memory. A
 * watcher that resumes from further back reads the rest from disk.
 * @module
 */
import { RuneError } from "../model/error.ts";
import type { Change } from "./contract.ts";
import { JOURNAL, journalKey } from "./keys.ts";
import type { Head } from "./log.ts";
import { blobOf, decode, dropBlob, type Mutation } from "./values.ts";

/** The changes of one revision; never empty. */
export interface Revision {
  revision: number;
  changes: Change[];
}

/** A revision and the size of its changes as JSON, in bytes. */
export interface SizedRevision extends Revision {
  bytes: number;
}

/** The limits of the part in memory: changes, and bytes of JSON. */
const TAIL_CHANGES = 1000;
const TAIL_BYTES = 8 * 1024 * 1024;

/** Entries deleted per commit. */
const TRIM_ENTRIES = 500;

/** The newest revisions, in memory, without gaps. */
export class JournalTail {
  readonly #limit: number;
  #revisions: SizedRevision[] = [];
  #changes = 0;
  #bytes = 0;

  /** @param journalLimit how many changes the journal keeps; the tail never keeps many more. */
  constructor(journalLimit: number) {
    this.#limit = Math.min(TAIL_CHANGES, journalLimit);
  }

  /**
   * Adds the next revision and drops the oldest ones beyond the limits. The newest always stays, however
   * large.
   */
  add(revision: SizedRevision): void {
    this.#revisions.push(revision);
    this.#changes += revision.changes.length;
    this.#bytes += revision.bytes;
    let drop = 0;
    while (
      drop < this.#revisions.length - 1 && (this.#changes > this.#limit || this.#bytes > TAIL_BYTES)
    ) {
      const oldest = this.#revisions[drop++]!;
      this.#changes -= oldest.changes.length;
      this.#bytes -= oldest.bytes;
    }
    if (drop > 0) this.#revisions.splice(0, drop);
  }

  /** A revision, if it is in memory. */
  at(revision: number): Revision | undefined {
    const first = this.#revisions[0]?.revision;
    return first === undefined ? undefined : this.#revisions[revision - first];
  }
}

/**
 * Reads the revisions `after + 1 … upTo` from disk.
 *
 * @throws {RuneError} `internal` if one is missing. Also throws errors of the disk.
 */
export async function* readJournal(
  kv: Deno.Kv,
  { after, upTo }: { after: number; upTo: number },
): AsyncGenerator<Revision> {
  let current: Revision | undefined;
  for await (const entry of kv.list({ start: journalKey(after + 1), end: journalKey(upTo + 1) })) {
    const revision = entry.key[1] as number;
    if (revision !== current?.revision) {
      if (current) yield current;
      if (revision !== (current?.revision ?? after) + 1) throw missingRevisionError(revision - 1);
      current = { revision, changes: [] };
    }
    const { type, resource } = await decode(kv, entry.value) as Pick<Change, "type" | "resource">;
    current.changes.push({ revision, type, resource });
  }
  if (current?.revision !== upTo) throw missingRevisionError(upTo);
  yield current;
}

function missingRevisionError(revision: number): RuneError {
  return new RuneError("internal", `revision ${revision} is missing in the journal`, {
    hint: "list again and watch from the newest revision",
  });
}

/**
 * Plans the removal of the oldest entries once the journal is well over its limit. It removes many at once,
 * so that few commits pay for it.
 *
 * @returns the mutations and the head to write with them, or undefined if the journal is within its limit.
 */
export async function planTrim(
  kv: Deno.Kv,
  { head, limit }: { head: Head; limit: number },
): Promise<{ mutations: Mutation[]; head: Head } | undefined> {
  const excess = head.entries - limit;
  if (excess <= Math.min(TRIM_ENTRIES, Math.floor(limit / 10))) return undefined;
  const mutations: Mutation[] = [];
  let { oldest, entries } = head;
  for await (const entry of kv.list({ prefix: JOURNAL }, { limit: Math.min(excess, TRIM_ENTRIES) })) {
    oldest = Math.max(oldest, entry.key[1] as number);
    entries--;
    mutations.push({ key: entry.key }, ...dropBlob(blobOf(entry.value)));
  }
  return { mutations, head: { ...head, oldest, entries } };
}
