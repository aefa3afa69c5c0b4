/**
 * The audit log: who did what, when, from where, with what outcome. Lines of JSON in files that only grow and are shifted
 * when they are large; the oldest goes. What is done is written down before it begins and again when it has ended, so that
 * a daemon killed in between leaves the first line.
 * @module
 */
import { join } from "node:path";
import { writeAllSync } from "../../base/durable.ts";
import type { AuditRecord } from "../../spec/identity.ts";

/** Files kept, and how large each may grow. */
const FILES = 5;
const FILE_BYTES = 10 * 1024 * 1024;
/** A power cut loses at most the records of this time: each of them on disk at once would hold up every write. */
const SYNC_MS = 1_000;
/** Records that wait for a reader which follows; one so slow that there are more is cut off. */
const BACKLOG = 10_000;

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
  /** Records that end from now on, until the signal aborts. */
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

  return {
    begin(record) {
      const id = crypto.randomUUID();
      append({ id, ...record, outcome: "begun" });
      return (end) => {
        const ended = { ...record, ...end };
        append({ id, ...ended });
        tell(ended);
      };
    },
    record(record) {
      append({ id: crypto.randomUUID(), ...record });
      tell(record);
    },
    async read(filter) {
      let found: Line[] = [];
      const begun = new Map<string, number>();
      for (let n = FILES - 1; n >= 0; n--) {
        const text = await Deno.readTextFile(pathOf(n)).catch((error) => {
          if (error instanceof Deno.errors.NotFound) return "";
          throw error;
        });
        for (const json of text.split("\n")) {
          const line = parseLine(json);
          if (!line) continue;
          const place = begun.get(line.id);
          if (place === undefined) found.push(line);
          else found[place] = line;
          if (line.outcome === "begun") begun.set(line.id, found.length - 1);
        }
      }
      found = found.filter((line) => wants(filter, line)).slice(-filter.limit);
      return found.map(({ id: _, ...record }) => record);
    },
    async *follow(filter, signal) {
      const waiting: AuditRecord[] = [];
      let wake = () => {};
      const listener = (record: AuditRecord) => {
        if (wants(filter, record)) waiting.push(record);
        wake();
      };
      const onAbort = () => wake();
      listeners.add(listener);
      signal.addEventListener("abort", onAbort);
      try {
        while (!signal.aborted && waiting.length < BACKLOG) {
          const next = waiting.shift();
          if (next) yield next;
          else await new Promise<void>((resolve) => wake = resolve);
        }
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

/** A line, or undefined for one that a crash cut short. */
function parseLine(json: string): Line | undefined {
  try {
    return json === "" ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
