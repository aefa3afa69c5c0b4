/**
 * Writes files whole and to disk, or fails. A single `write` may take fewer bytes than it was passed (on a
 * disk that fills up, for example), and only its result tells. So nothing else in the program calls it. Knows
 * nothing of Rune.
 * @module
 */
import { dirname } from "node:path";

/** Accepts bytes, possibly only some of them at a time. */
export interface Sink {
  /** @returns how many bytes it took. */
  write(bytes: Uint8Array): Promise<number>;
}

/** A {@linkcode Sink} that blocks. */
export interface SyncSink {
  /** @returns how many bytes it took. */
  writeSync(bytes: Uint8Array): number;
}

const NOTHING_TAKEN = "a write took none of the bytes that it was passed";

/** Writes all of `bytes`. @throws the sink's error (`ENOSPC`), or an error if it takes no bytes. */
export async function writeAll(sink: Sink, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const taken = await sink.write(bytes.subarray(at));
    if (taken <= 0) throw new Error(NOTHING_TAKEN);
    at += taken;
  }
}

/** {@linkcode writeAll} for a sink that blocks. */
export function writeAllSync(sink: SyncSink, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    const taken = sink.writeSync(bytes.subarray(at));
    if (taken <= 0) throw new Error(NOTHING_TAKEN);
    at += taken;
  }
}

/** Makes the entries of a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

/** Makes the content of a file durable that another program wrote. */
export async function syncFile(path: string): Promise<void> {
  using file = await Deno.open(path);
  await file.sync();
}

/** How to create a file. */
export interface FileOptions {
  /** Permission bits, regardless of the umask. Default: 0600. */
  mode?: number;
}

/**
 * Creates a file with the content of `chunks`, whole and on disk, and removes it if that fails. Sync its
 * directory to make its name durable too.
 *
 * @returns its size in bytes.
 * @throws the filesystem's error (`AlreadyExists`, `ENOSPC` …), or the error of `chunks`.
 */
export async function writeNewFile(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { mode = 0o600 }: FileOptions = {},
): Promise<number> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  try {
    await Deno.chmod(path, mode);
    let size = 0;
    for await (const chunk of chunks) {
      await writeAll(file, chunk);
      size += chunk.length;
    }
    await file.sync();
    return size;
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

/** Where {@linkcode replaceFile} writes before it renames. A killed process may leave this file behind. */
export const asideOf = (path: string): string => `${path}.new`;

/**
 * Replaces a file. Readers find the old content or the new content and nothing between, also after a loss of
 * power. Callers that may write to one path at the same time need different `aside` paths.
 *
 * @param options.aside where it writes first, in the same directory; default {@linkcode asideOf}.
 * @param options.check looks at what was written before it replaces anything; what it throws keeps the old
 * content.
 * @returns its size in bytes.
 * @throws the filesystem's error, or the error of `content`; the old content is then still there.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
  { aside = asideOf(path), check, ...options }: FileOptions & {
    aside?: string;
    check?(aside: string): Promise<void>;
  } = {},
): Promise<number> {
  await Deno.remove(aside).catch(ignoreAbsent);
  const text = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const size = await writeNewFile(aside, text instanceof Uint8Array ? [text] : text, options);
  try {
    await check?.(aside);
    await moveEntry(aside, path);
    return size;
  } catch (error) {
    await Deno.remove(aside).catch(() => {});
    throw error;
  }
}

/** Renames a file or a directory, and makes both ends durable. Replaces a file, or an empty directory. */
export async function moveEntry(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  const [source, target] = [dirname(from), dirname(to)];
  await syncDirectory(target);
  if (source !== target) await syncDirectory(source);
}

/** Removes a file or an empty directory, durably. Does nothing when it is absent. */
export async function removeEntry(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    return ignoreAbsent(error);
  }
  await syncDirectory(dirname(path));
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
