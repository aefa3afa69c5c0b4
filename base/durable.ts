/**
 * Files that are written whole and are on disk, or an error. A single `write` may take less than it was given (on a disk
 * that becomes full, for example) and says so only by its result: nothing else in the program calls it. Knows nothing of Rune.
 * @module
 */

/** What takes bytes, some of them at a time. */
export interface Sink {
  /** @returns how many it took. */
  write(bytes: Uint8Array): Promise<number>;
}

/** {@linkcode Sink} that blocks. */
export interface SyncSink {
  /** @returns how many it took. */
  writeSync(bytes: Uint8Array): number;
}

const NOTHING_TAKEN = "a write took nothing of what it was given";

/** Writes all of `bytes`. @throws what the sink says (`ENOSPC`), and when it takes nothing. */
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

/** Makes the content of a file durable that others wrote. */
export async function syncFile(path: string): Promise<void> {
  using file = await Deno.open(path);
  await file.sync();
}

const directoryOf = (path: string) =>
  path.slice(0, path.lastIndexOf("/")) || (path.startsWith("/") ? "/" : ".");

/** How a file is made. */
export interface FileOptions {
  /** Permission bits, whatever the umask; default 0600. */
  mode?: number;
}

/**
 * Makes a new file of what comes, whole and on disk. Nothing is left of one that failed. Its name is durable only when its
 * directory is synced too.
 *
 * @returns its size in bytes.
 * @throws what the filesystem says: `AlreadyExists`, `ENOSPC` …; whatever ends `chunks`.
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

/** Where {@linkcode replaceFile} writes before it renames; a leftover of one that was killed. */
export const asideOf = (path: string): string => `${path}.new`;

/**
 * Writes a file so that its readers find the old content or the new, whatever happens, also after a loss of power. What two
 * callers write to one path at once is theirs to keep apart, by an `aside` of their own.
 *
 * @param options.aside where it is written first, in the same directory; default {@linkcode asideOf}.
 * @throws what the filesystem says; then the old content is still there.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  { aside = asideOf(path), mode }: FileOptions & { aside?: string } = {},
): Promise<void> {
  await Deno.remove(aside).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await writeNewFile(aside, [bytes], mode === undefined ? {} : { mode });
  try {
    await Deno.rename(aside, path);
  } catch (error) {
    await Deno.remove(aside).catch(() => {});
    throw error;
  }
  await syncDirectory(directoryOf(path));
}
