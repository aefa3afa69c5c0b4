/**
 * The audit log: who did what, when, from where, with what outcome. It consists of JSON lines in append-only
 * files that are rotated by size. Each action is recorded when it begins and again when it ends, so a daemon
 * killed in between leaves a trace.
 * @module
 */
import { join } from "node:path";
import { writeAllSync } from "../../base/durable.ts";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import type { AuditRecord } from "../../model/identity.ts";
import { Channel } from "../http/channel.ts";

/** How many files are kept, and the size at which one is rotated. */
const FILES = 5;
const FILE_BYTES = 10 * 1024 * 1024;
/**
 * Records are synced this often: a sync for each record would delay every write. A power cut loses at most
 * this much.
 */
const SYNC_MS = 1_000;
/**
 * The backlog of a reader that follows the log. A reader that falls further behind is cut off, since requests
 * do not wait for it.
 */
const BACKLOG = { items: 10_000, bytes: 1024 * 1024 };
/**
 * The length at which texts from the caller are cut: one long request must not push many others out of the
 * log.
 */
const TEXT_MAX = 2048;
/** How many begun records a read keeps in memory, beyond its limit, while it looks for their ends. */
const UNENDED_MAX = 10_000;

/** A record as it is stored. Both lines of one action have the same id. */
interface Line extends AuditRecord {
  id: string;
}

/** Selects records of the log. */
export interface AuditFilter {
  /** RFC 3339. */
  since?: string;
  user?: string;
  /** Only refusals. */
  denied: boolean;
  /** At most this many records, the newest. */
  limit: number;
}

/** The open audit log. */
export interface Audit {
  /** Records that an action begins, and returns a function that records its end. */
  begin(
    record: Omit<AuditRecord, "outcome">,
  ): (end: Pick<AuditRecord, "outcome" | "status" | "code" | "what">) => void;
  /** Records a refusal, which has no separate end. */
  record(record: AuditRecord): void;
  /** The selected records, oldest first. */
  read(filter: AuditFilter): Promise<AuditRecord[]>;
  /**
   * Yields records as they end, until the signal aborts.
   * @throws {RuneError} `unavailable` if the reader falls behind.
   */
  follow(filter: AuditFilter, signal: AbortSignal): AsyncIterable<AuditRecord>;
  close(): Promise<void>;
}

function matches({ since, user, denied }: AuditFilter, record: AuditRecord): boolean {
  return (since === undefined || record.at >= since) && (user === undefined || record.user === user) &&
    (!denied || record.outcome === "denied");
}

/**
 * Opens the log in a directory, and creates the directory if it is missing.
 *
 * @param options.onFailure called when a record could not be written.
 */
export function openAudit(
  dir: string,
  options: { onFailure: (error: unknown) => void; fileBytes?: number },
): Audit {
  const { onFailure, fileBytes = FILE_BYTES } = options;
  const pathOf = (n: number) => join(dir, n === 0 ? "audit.log" : `audit.log.${n}`);
  const openFile = () => Deno.openSync(pathOf(0), { append: true, create: true, mode: 0o600 });
  Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
  let file = openFile();
  let size = file.statSync().size;
  // A crash may have cut the last line short, so the next record starts on a new line.
  if (size > 0) {
    writeAllSync(file, new TextEncoder().encode("\n"));
    size++;
  }
  const listeners = new Set<(record: AuditRecord) => void>();
  let syncing: ReturnType<typeof setTimeout> | undefined;
  let synced: Promise<unknown> = Promise.resolve();
  const lock = new KeyedLock();

  function syncSoon(): void {
    syncing ??= setTimeout(() => {
      syncing = undefined;
      // A file that was closed in the meantime was synced by closeFile().
      synced = file.syncData().catch((error) => error instanceof Deno.errors.BadResource || onFailure(error));
    }, SYNC_MS);
  }

  function closeFile(): void {
    clearTimeout(syncing);
    syncing = undefined;
    try {
      file.syncDataSync();
    } catch (error) {
      onFailure(error);
    }
    file.close();
  }

  function rotate(): void {
    closeFile();
    for (let n = FILES - 1; n > 0; n--) {
      try {
        Deno.renameSync(pathOf(n - 1), pathOf(n));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    file = openFile();
    size = 0;
  }

  function append(line: Line): void {
    try {
      const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
      if (size > 0 && size + bytes.length > fileBytes) rotate();
      writeAllSync(file, bytes);
      size += bytes.length;
      syncSoon();
    } catch (error) {
      onFailure(error);
    }
  }

  const tell = (record: AuditRecord) => listeners.forEach((listener) => listener(record));

  async function readAll(filter: AuditFilter): Promise<AuditRecord[]> {
    // A Map keeps the order of the first lines; the second line of an action replaces the first in place.
    const found = new Map<string, Line>();
    for (let n = FILES - 1; n >= 0; n--) {
      const text = await Deno.readTextFile(pathOf(n)).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return "";
        throw error;
      });
      for (const json of text.split("\n")) {
        const line = parseLine(json);
        if (line) found.set(line.id, line);
      }
      for (const [id, line] of found) {
        if (line.outcome !== "begun" && !matches(filter, line)) found.delete(id);
      }
      let tooMany = found.size - filter.limit - UNENDED_MAX;
      for (const id of found.keys()) if (tooMany-- > 0) found.delete(id);
    }
    return [...found.values()].filter((line) => matches(filter, line)).slice(-filter.limit)
      .map(({ id: _, ...record }) => record);
  }

  return {
    begin(given) {
      const id = crypto.randomUUID();
      const record = clipRecord(given);
      append({ id, ...record, outcome: "begun" });
      return (end) => {
        const ended = clipRecord({ ...record, ...end });
        append({ id, ...ended });
        tell(ended);
      };
    },
    record(given) {
      const record = clipRecord(given);
      append({ id: crypto.randomUUID(), ...record });
      tell(record);
    },
    read(filter) {
      // One read at a time, since each keeps the text of a file in memory.
      return lock.run(["read"], { work: () => readAll(filter) });
    },
    async *follow(filter, signal) {
      const sizeOf = (record: AuditRecord) => 2 * JSON.stringify(record).length;
      const channel = new Channel<AuditRecord>({ ...BACKLOG, sizeOf });
      const listener = (record: AuditRecord) => {
        if (matches(filter, record) && !channel.offer(record)) channel.end(tooSlow(record));
      };
      const onAbort = () => {
        listeners.delete(listener);
        channel.end();
      };
      listeners.add(listener);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        if (!signal.aborted) yield* channel;
      } finally {
        signal.removeEventListener("abort", onAbort);
        listeners.delete(listener);
      }
    },
    async close() {
      clearTimeout(syncing);
      await synced;
      closeFile();
    },
  };
}

function clipRecord<R extends Pick<AuditRecord, "path" | "what">>(record: R): R {
  const clip = (text: string) => text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
  return {
    ...record,
    path: clip(record.path),
    ...(record.what !== undefined && { what: clip(record.what) }),
  };
}

const tooSlow = ({ at }: AuditRecord) =>
  new RuneError("unavailable", "this reader is too slow for the audit log and was cut off", {
    hint: `run the command again with --since ${at}`,
  });

/** Parses a line; undefined if a crash cut it short. */
function parseLine(json: string): Line | undefined {
  try {
    return json === "" ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
