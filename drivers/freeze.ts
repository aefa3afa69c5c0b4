/**
 * Holds the writes to a mounted filesystem for a moment, so that a copy of its device is whole. Whatever
 * happens to this process, the writes go on: a helper process freezes the filesystem, and thaws it when its
 * input ends, which it does when this process dies, and after a time limit. A note tells the next daemon, in
 * case somebody killed the helper too.
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { sleep, sleepQuietly } from "../base/delay.ts";
import { removeEntry } from "../base/durable.ts";
import { RuneError, toRuneError } from "../model/error.ts";
import { run, sentence, spawnHost, syncFilesystem } from "./host.ts";
import { callError, checkAborted, errnoOf, hostError } from "./host_error.ts";
import { readJson, writeJson } from "./json_file.ts";

/** How long a filesystem may stay frozen, in milliseconds, even if this process hangs. */
const LONGEST_MS = 30_000;

/** How long data may take to be written before writers have to wait, in milliseconds. */
const SYNC_MS = 300_000;
/** How long writers may wait until the filesystem is frozen, in milliseconds. */
const FREEZING_MS = 10_000;

/** The exit code of the helper if it froze nothing. */
const NOT_FROZEN = 3;
/** Its exit code if it let writes go on before it was told to. */
const TOO_EARLY = 4;

// It ignores the signals that end a whole service, so that it comes to thaw.
const HELPER = `trap '' TERM INT HUP PIPE
fsfreeze --freeze "$1" || exit ${NOT_FROZEN}
echo frozen
timeout --foreground "$2" cat >/dev/null
code=$?
fsfreeze --unfreeze "$1" || exit 1
[ "$code" = 0 ] || exit ${TOO_EARLY}`;

// What fsfreeze(8) says of a filesystem that is not frozen, and of one that is mounted no more. Its exit code
// is 1 for every failure.
const NOTHING_TO_THAW = /unfreeze failed: Invalid argument|No such file or directory/;

const noteSchema = z.strictObject({ path: z.string() });
const NOTE = /\.json$/;

/** Freezes filesystems. */
export interface Freezer {
  /**
   * Runs `work` while nothing can be written to a filesystem.
   *
   * @param id names the note, so one at a time for each id.
   * @throws {RuneError} `failed_precondition` if it is the filesystem of the daemon itself; `unavailable` if
   * it cannot be frozen, or if writes went on before `work` was done.
   */
  run<T>(
    mount: { path: string; id: string },
    options: { work: () => Promise<T>; signal: AbortSignal },
  ): Promise<T>;
  /**
   * Thaws what a daemon that was killed left frozen. Call it once, at the start.
   *
   * @returns what may still be frozen, in one sentence each.
   */
  thawLeft(signal: AbortSignal): Promise<string[]>;
}

/** @param directory for the notes; it must not be on a filesystem that is frozen. */
export function createFreezer(
  directory: string,
  { longestMs = LONGEST_MS, freezingMs = FREEZING_MS } = {},
): Freezer {
  /** Paths with a helper that was released and has not ended, because the storage stalls. */
  const ending = new Set<string>();
  return {
    async run<T>(
      { path, id }: { path: string; id: string },
      { work, signal }: { work: () => Promise<T>; signal: AbortSignal },
    ) {
      const what = `freeze of ${path}`;
      checkAborted(what, signal);
      if (ending.has(path)) throw stallError(`${what} failed: an earlier one has not ended`);
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      for (const place of ["/", directory]) await assertElsewhere(path, place);
      // Then there is little to write while writers wait.
      await waitAtMost(SYNC_MS, { work: syncFilesystem(path, signal), what, signal });
      const note = join(directory, `${id}.json`);
      await writeJson(note, { path });
      const helper = startHelper(path, { what, longestMs });
      const end = async () => {
        const code = await helper.release();
        if (![0, NOT_FROZEN, TOO_EARLY].includes(code)) await thaw(path, new AbortController().signal);
        await removeEntry(note);
        return code === 0;
      };
      let result: T;
      let isWhole: boolean | undefined;
      try {
        await waitAtMost(freezingMs, { work: helper.untilFrozen(), what, signal });
        result = await work();
      } finally {
        ending.add(path);
        // What cannot be thawed keeps its note, for the next daemon.
        isWhole = await waitBriefly(freezingMs, end().finally(() => ending.delete(path)));
      }
      if (isWhole) return result;
      throw new RuneError("unavailable", `${what} ended before the copy was taken`, {
        hint: "Rune tries again",
      });
    },
    async thawLeft(signal) {
      const warnings: string[] = [];
      const warn = (error: unknown, path = "a filesystem", fix = "") =>
        void warnings.push(`${path} may have been left frozen: ${toRuneError(error).message}${fix}`);
      const notes = await listNotes(directory).catch((error) => (warn(error), []));
      for (const note of notes) {
        let path: string | undefined;
        try {
          path = (await readJson(note, noteSchema))?.path;
          if (path !== undefined) await thaw(path, signal);
          await removeEntry(note);
        } catch (error) {
          warn(error, path, path && `; thaw it: fsfreeze --unfreeze ${path}`);
        }
      }
      return warnings;
    },
  };
}

/** Waits for work that cannot always be ended, since the storage may stall. Leaves it alone afterwards. */
async function waitAtMost<T>(
  ms: number,
  { work, what, signal }: { work: Promise<T>; what: string; signal: AbortSignal },
): Promise<T> {
  const stop = new AbortController();
  const timeUp = async () => {
    await sleep(ms, { signal: AbortSignal.any([signal, stop.signal]) });
    throw stallError(`${what} failed: the storage has not taken all data within ${ms / 1000} s`);
  };
  try {
    return await Promise.race([work, timeUp()]);
  } catch (error) {
    throw callError(error, { what, signal });
  } finally {
    stop.abort();
  }
}

/** Waits for the end of a helper, but not for storage that stalls: then the answer is undefined. */
async function waitBriefly<T>(ms: number, end: Promise<T>): Promise<T | undefined> {
  const stop = new AbortController();
  try {
    return await Promise.race([end, sleepQuietly(ms, stop.signal).then(() => undefined)]);
  } finally {
    stop.abort();
  }
}

function stallError(message: string): RuneError {
  return new RuneError("unavailable", message, {
    hint: "see the kernel log and the storage; Rune tries again",
  });
}

/** Asserts that a path is on another filesystem than one of the daemon's own. */
async function assertElsewhere(path: string, place: string): Promise<void> {
  if ((await Deno.stat(path)).dev !== (await Deno.stat(place)).dev) return;
  throw new RuneError(
    "failed_precondition",
    `${path} is on the filesystem of ${place}, which must not be frozen`,
    { permanent: true },
  );
}

/** Starts the process that freezes a filesystem and thaws it again. */
function startHelper(path: string, { what, longestMs }: { what: string; longestMs: number }) {
  const process = spawnHost("sh", ["-c", HELPER, "sh", path, `${longestMs / 1000}`], {
    what,
    // It always ends by itself: its input ends, or its time.
    signal: new AbortController().signal,
    stdin: "piped",
  });
  const stderr = new Response(process.stderr).text();
  const stdout = process.stdout.getReader();
  return {
    /** Waits until the filesystem is frozen. */
    async untilFrozen(): Promise<void> {
      const { done } = await stdout.read();
      if (!done) return;
      const reason = sentence(await stderr) ?? "the helper process was killed";
      throw new RuneError("unavailable", `${what} failed: ${reason}`, {
        hint: `if another program has frozen it, end that: fsfreeze --unfreeze ${path}; Rune tries again`,
      });
    },
    /** Lets writes go on. @returns its exit code. */
    async release(): Promise<number> {
      await process.stdin.close().catch(() => {});
      await stdout.cancel();
      const { code } = await process.status;
      await stderr;
      return code;
    },
  };
}

async function listNotes(directory: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(directory));
    return entries.filter(({ name }) => NOTE.test(name)).map(({ name }) => join(directory, name));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw hostError(`look for frozen filesystems in ${directory}`, error);
  }
}

/** Thaws a filesystem. Does nothing if it is not frozen, or not mounted any more. */
async function thaw(path: string, signal: AbortSignal): Promise<void> {
  try {
    await run("fsfreeze", ["--unfreeze", path], { what: `thaw of ${path}`, signal });
  } catch (error) {
    if (!(error instanceof RuneError) || !NOTHING_TO_THAW.test(error.message)) throw error;
  }
}
