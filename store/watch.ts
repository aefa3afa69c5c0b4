/**
 * Watching: a position in the journal that moves forward, first from disk, then from memory, then with each
 * commit.
 * @module
 */
import { RuneError } from "../model/error.ts";
import type { Change, WatchOptions } from "./contract.ts";
import { cannotRead } from "./failures.ts";
import type { Revision } from "./journal.ts";

/** What a watcher needs from the store. */
export interface WatchSource {
  revision(): number;
  oldestRevision(): number;
  isClosed(): boolean;
  /** A revision, if it is in memory. */
  findRecent(revision: number): Revision | undefined;
  /** Revisions from disk. Fails if they are trimmed meanwhile. */
  read(range: { after: number; upTo: number }): AsyncIterable<Revision>;
  /** Calls back after each commit and on close. Returns a function that unsubscribes. */
  onAdvance(listener: () => void): () => void;
}

/** See {@linkcode Store.watch}. @throws {RuneError} `gone` if the watch cannot resume from `since`. */
export function watchJournal(source: WatchSource, options: WatchOptions): AsyncIterable<Change> {
  const since = options.since ?? source.revision();
  if (since < source.oldestRevision() || since > source.revision()) throw goneError(source, since);
  return follow(source, { ...options, since });
}

async function* follow(
  source: WatchSource,
  { kinds, namespace, since, signal }: WatchOptions & { since: number },
): AsyncGenerator<Change> {
  const hasEnded = () => signal.aborted || source.isClosed();
  const isWanted = ({ resource }: Change) =>
    (kinds === undefined || kinds.includes(resource.kind)) &&
    (namespace === undefined || resource.namespace === namespace);
  let wake = () => {};
  const stop = source.onAdvance(() => wake());
  const abort = () => wake();
  signal.addEventListener("abort", abort);
  try {
    let at = since;
    while (!hasEnded()) {
      const advanced = new Promise<void>((resolve) => wake = resolve);
      if (at === source.revision()) {
        await advanced;
        continue;
      }
      for await (const { revision, changes } of readAvailable(source, at)) {
        const shown = changes.filter(isWanted);
        for (const [i, { previous: _, ...change }] of shown.entries()) {
          if (hasEnded()) return;
          yield i < shown.length - 1 ? { ...change, more: true } : change;
        }
        if (hasEnded()) return;
        at = revision;
      }
    }
  } finally {
    signal.removeEventListener("abort", abort);
    stop();
  }
}

/** The next revision from memory, or all up to now from disk. */
async function* readAvailable(source: WatchSource, at: number): AsyncGenerator<Revision> {
  const recent = source.findRecent(at + 1);
  if (recent) return yield recent;
  try {
    for await (const revision of source.read({ after: at, upTo: source.revision() })) {
      // Trimming raises the oldest revision before it deletes, so a revision that was read before is
      // complete.
      if (source.oldestRevision() > revision.revision - 1) throw goneError(source, at);
      yield revision;
      at = revision.revision;
    }
  } catch (error) {
    if (source.isClosed()) return;
    throw source.oldestRevision() > at ? goneError(source, at) : cannotRead(error);
  }
}

function goneError(source: WatchSource, since: number): RuneError {
  const message = since > source.revision()
    ? `revision ${since} is unknown: the newest is ${source.revision()}`
    : `revision ${since} is gone: the oldest to watch from is ${source.oldestRevision()}`;
  return new RuneError("gone", message, { hint: "list again and watch from the revision of that list" });
}
