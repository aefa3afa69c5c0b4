/**
 * The audit log: who did what, when, from where, with what outcome. Lines of JSON in files that only grow and are shifted
 * when they are large; the oldest goes. What is done is written down before it begins and again when it has ended, so that
 * a daemon killed in between leaves the first line.
 * @module
 */
import { join } from "node:path";
import { writeAllSync } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import type { AuditRecord } from "../../model/identity.ts";
import { Channel } from "../http/channel.ts";

/** Files kept, and how large each may grow. */
const FILES = 5;
const FILE_BYTES = 10 * 1024 * 1024;
/** A power cut loses at most the records of this time: each of them on disk at once would hold up every write. */
const SYNC_MS = 1_000;
/** What waits for a reader which follows; one so slow that there is more is cut off, since what happens cannot wait for it. */
const BACKLOG = { items: 10_000, bytes: 1024 * 1024 };
/** Letters kept of a text that the caller chose: one request must not push many others out of the log. */
const TEXT_MAX = 2048;
/** Records that are kept in memory beyond those asked for, while their ends are looked for. */
const UNENDED_MAX = 10_000;

/** A record with what joins its two lines. */
interface Line extends AuditRecord {
  id: string;
}

/** What of the log is wanted. */
export interface AuditFilter {
  /** RFC 3339. */
  since?: string;
  user?: string;
  /** Only what was refused. */
  denied: boolean;
  /** The last so many. */
  limit: number;
}

/** See the module comment. */
export interface Audit {
  /** Writes down that something begins; the function that it returns writes down how it ended. */
  begin(
    record: Omit<AuditRecord, "outcome">,
  ): (end: Pick<AuditRecord, "outcome" | "status" | "code" | "what">) => void;
  /** Writes down what ended as it began: a refusal. */
  record(record: AuditRecord): void;
  /** What is kept, oldest first. */
  read(filter: AuditFilter): Promise<AuditRecord[]>;
  /** Records that end from now on, until the signal aborts. @throws {RuneError} `unavailable` when they are read too slowly. */
  follow(filter: AuditFilter, signal: AbortSignal): AsyncIterable<AuditRecord>;
  close(): Promise<void>;
}

function wants({ since, user, denied }: AuditFilter, record: AuditRecord): boolean {
  return (since === undefined || record.at >= since) && (user === undefined || record.user === user) &&
    (!denied || record.outcome === "denied");
}

/**
 * Opens the log in a directory, which is made where it is missing.
 *
 * @param options.onFailure is told when a record could not be written.
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
  // A crash may have cut the last line short: what comes next is a line of its own.
  if (size > 0) {
    writeAllSync(file, new TextEncoder().encode("\n"));
    size++;
  }
  const listeners = new Set<(record: AuditRecord) => void>();
  let syncing: ReturnType<typeof setTimeout> | undefined;
  let synced: Promise<unknown> = Promise.resolve();
  let reading: Promise<unknown> = Promise.resolve();

  function syncSoon(): void {
    syncing ??= setTimeout(() => {
      syncing = undefined;
      // One that is closed meanwhile is synced then.
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

  function shift(): void {
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
      if (size > 0 && size + bytes.length > fileBytes) shift();
      writeAllSync(file, bytes);
      size += bytes.length;
      syncSoon();
    } catch (error) {
      onFailure(error);
    }
  }

  const tell = (record: AuditRecord) => listeners.forEach((listener) => listener(record));

  async function readAll(filter: AuditFilter): Promise<AuditRecord[]> {
    // In the order of their first lines: the second replaces it in its place.
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
        if (line.outcome !== "begun" && !wants(filter, line)) found.delete(id);
      }
      let tooMany = found.size - filter.limit - UNENDED_MAX;
      for (const id of found.keys()) if (tooMany-- > 0) found.delete(id);
    }
    return [...found.values()].filter((line) => wants(filter, line)).slice(-filter.limit)
      .map(({ id: _, ...record }) => record);
  }

  return {
    begin(given) {
      const id = crypto.randomUUID();
      const record = clipped(given);
      append({ id, ...record, outcome: "begun" });
      return (end) => {
        const ended = clipped({ ...record, ...end });
        append({ id, ...ended });
        tell(ended);
      };
    },
    record(given) {
      const record = clipped(given);
      append({ id: crypto.randomUUID(), ...record });
      tell(record);
    },
    read(filter) {
      // One after the other: each holds a file's text.
      const answer = reading.then(() => readAll(filter));
      reading = answer.catch(() => {});
      return answer;
    },
    async *follow(filter, signal) {
      const sizeOf = (record: AuditRecord) => 2 * JSON.stringify(record).length;
      const channel = new Channel<AuditRecord>({ ...BACKLOG, sizeOf });
      const listener = (record: AuditRecord) => {
        if (wants(filter, record) && !channel.offer(record)) channel.end(tooSlow(record));
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

function clipped<R extends Pick<AuditRecord, "path" | "what">>(record: R): R {
  const clip = (text: string) => text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
  return {
    ...record,
    path: clip(record.path),
    ...(record.what !== undefined && { what: clip(record.what) }),
  };
}

const tooSlow = ({ at }: AuditRecord) =>
  new RuneError("unavailable", "records come faster than they are read: this reader was left behind", {
    hint: `run the command again with --since ${at}`,
  });

/** A line, or undefined for one that a crash cut short. */
function parseLine(json: string): Line | undefined {
  try {
    return json === "" ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
