/**
 * The last output of removed instances: `<root>/<service uid>/<instance>.jsonl`, and
 * `<instance>+<step>.jsonl` for an init step. The first line describes the run and how it ended; each further
 * line is a LogEntry. A run's own log is removed with its container or record, so only this copy is left. Its
 * size is limited per run and in total, and it is removed with its service. The service's uid is the key, so
 * another service of the same name never shows it.
 * @module
 */
import { join } from "node:path";
import { replaceFile } from "../../base/durable.ts";
import type { LogEntry } from "../../runners/runner.ts";

/** Describes the run whose output is kept, and how it ended. */
export interface KeptLog {
  serviceUid: string;
  /**
   * The instance's name when it was removed: `web-0`, or `web-0-next` for a successor that never took over.
   */
  instance: string;
  ordinal: number;
  instanceUid: string;
  run: number;
  /** The init step that printed it; absent for the main process. */
  step?: string;
  /** The service generation that the run belonged to. */
  generation: number;
  /** RFC 3339. */
  endedAt: string;
  /** How it ended, in words that follow the name: `stopped`, `exited with code 1`. */
  how: string;
  /** Earlier output was cut because it exceeded the limit. */
  cut?: true;
}

/** Size limits in bytes. */
export interface KeptLimits {
  /** For one run. */
  run: number;
  /** For all services together; the oldest logs are removed first. */
  total: number;
}

/** 1 MiB per run, 256 MiB in total. */
export const KEPT_LIMITS: KeptLimits = { run: 1024 * 1024, total: 256 * 1024 * 1024 };
/** Lines to request from a runner, counted from the end, since a log may be long. */
export const KEPT_LINES = 1_000;

const SUFFIX = ".jsonl";

/** See the module comment. */
export class KeptLogs {
  readonly #root: string;
  readonly #limits: KeptLimits;
  /** The sizes of existing files by path, read from disk once. */
  #sizes: Promise<Map<string, { bytes: number; at: number }>> | undefined;

  constructor(root: string, limits: KeptLimits = KEPT_LIMITS) {
    this.#root = root;
    this.#limits = limits;
  }

  /** Keeps the end of a run's output, and replaces what was kept under its name before. */
  async keep(log: KeptLog, entries: AsyncIterable<LogEntry>): Promise<void> {
    const sizes = await this.#readSizes();
    const { lines, cut } = await lastLines(entries, this.#limits.run);
    const path = this.#pathOf(log);
    await Deno.mkdir(join(this.#root, log.serviceUid), { recursive: true, mode: 0o700 });
    const content = joinParts([lineOf({ ...log, ...(cut && { cut }) }), ...lines]);
    await replaceFile(path, content, { aside: `${path}.${log.instanceUid}` });
    sizes.set(path, { bytes: content.length, at: Date.now() });
    await this.#removeOldest(sizes);
  }

  /** Lists the kept logs of a service, those that ended last first. */
  async list(serviceUid: string): Promise<KeptLog[]> {
    const logs: KeptLog[] = [];
    for (const name of await entriesOf(join(this.#root, serviceUid))) {
      if (!name.endsWith(SUFFIX)) continue;
      const [head] = await linesOf(join(this.#root, serviceUid, name));
      if (head !== undefined) logs.push(JSON.parse(head) as KeptLog);
    }
    return logs.sort((a, b) => Date.parse(b.endedAt) - Date.parse(a.endedAt));
  }

  /** Reads the entries of a log in order; empty if the log was removed meanwhile. */
  async read(log: KeptLog): Promise<LogEntry[]> {
    return (await linesOf(this.#pathOf(log))).slice(1).map((line) => JSON.parse(line) as LogEntry);
  }

  /** Removes all kept logs of a service, if there are any. */
  async forget(serviceUid: string): Promise<void> {
    const directory = join(this.#root, serviceUid);
    await removeIfPresent(directory);
    const sizes = await this.#readSizes();
    for (const path of [...sizes.keys()]) if (path.startsWith(`${directory}/`)) sizes.delete(path);
  }

  /**
   * Removes the logs of every service that `isWanted` rejects.
   *
   * @returns the number of removed services.
   */
  async sweep(isWanted: (serviceUid: string) => boolean): Promise<number> {
    const gone = (await entriesOf(this.#root)).filter((uid) => !isWanted(uid));
    for (const uid of gone) await this.forget(uid);
    return gone.length;
  }

  #pathOf({ serviceUid, instance, step }: KeptLog): string {
    const name = step === undefined ? instance : `${instance}+${step}`;
    return join(this.#root, serviceUid, `${name}${SUFFIX}`);
  }

  #readSizes(): Promise<Map<string, { bytes: number; at: number }>> {
    return this.#sizes ??= this.#measure();
  }

  async #measure(): Promise<Map<string, { bytes: number; at: number }>> {
    const sizes = new Map<string, { bytes: number; at: number }>();
    for (const uid of await entriesOf(this.#root)) {
      for (const name of await entriesOf(join(this.#root, uid))) {
        const path = join(this.#root, uid, name);
        // A killed daemon left this partial file; the complete one, if any, is beside it.
        if (!name.endsWith(SUFFIX)) {
          await removeIfPresent(path);
          continue;
        }
        const { size, mtime } = await Deno.stat(path);
        sizes.set(path, { bytes: size, at: mtime?.getTime() ?? 0 });
      }
    }
    return sizes;
  }

  async #removeOldest(sizes: Map<string, { bytes: number; at: number }>): Promise<void> {
    let total = [...sizes.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    if (total <= this.#limits.total) return;
    for (const [path, { bytes }] of [...sizes].sort(([, a], [, b]) => a.at - b.at)) {
      if (total <= this.#limits.total) return;
      await removeIfPresent(path);
      sizes.delete(path);
      total -= bytes;
    }
  }
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The lines of a file; empty if the file does not exist. */
async function linesOf(path: string): Promise<string[]> {
  try {
    return (await Deno.readTextFile(path)).split("\n").slice(0, -1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

const encoder = new TextEncoder();
const lineOf = (value: unknown) => encoder.encode(`${JSON.stringify(value)}\n`);

/** The last entries that fit into `max` bytes, as lines. */
async function lastLines(
  entries: AsyncIterable<LogEntry>,
  max: number,
): Promise<{ lines: Uint8Array[]; cut?: true }> {
  let lines: Uint8Array[] = [];
  let bytes = 0;
  let from = 0;
  let cut = false;
  for await (const entry of entries) {
    const line = lineOf(entry);
    lines.push(line);
    bytes += line.length;
    while (bytes > max) bytes -= lines[from++]!.length;
    if (from === 0) continue;
    cut = true;
    // Drop skipped lines now and then, so that a long log does not stay in memory.
    if (from < KEPT_LINES) continue;
    lines = lines.slice(from);
    from = 0;
  }
  return { lines: lines.slice(from), ...(cut && { cut }) };
}

function joinParts(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function removeIfPresent(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
