/**
 * Holds the writes to a mounted filesystem for a moment, so that a copy of its device is whole. Whatever
 * happens to this process, the writes go on: a helper process freezes the filesystem, and thaws it when its
 * input ends, which it does when this process dies, and after a time limit. A note tells the next daemon, in
 * case somebody killed the helper too.
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { removeEntry } from "../base/durable.ts";
import { RuneError, toRuneError } from "../model/error.ts";
import { run, sentence, spawnHost } from "./host.ts";
import { checkAborted, errnoOf, hostError } from "./host_error.ts";
import { readJson, writeJson } from "./json_file.ts";

/** How long a filesystem may stay frozen, in milliseconds, even if this process hangs. */
const LONGEST_MS = 30_000;

/** The exit code of the helper if it froze nothing. */
const NOT_FROZEN = 3;

// It ignores the signals that end a whole service, so that it comes to thaw.
const HELPER = `trap '' TERM INT HUP PIPE
fsfreeze --freeze "$1" || exit ${NOT_FROZEN}
echo frozen
timeout --foreground "$2" cat >/dev/null
exec fsfreeze --unfreeze "$1"`;

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
export function createFreezer(directory: string, { longestMs = LONGEST_MS } = {}): Freezer {
  return {
    async run({ path, id }, { work, signal }) {
      const what = `freeze of ${path}`;
      checkAborted(what, signal);
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      for (const own of ["/", directory]) await assertElsewhere(path, own);
      const note = join(directory, `${id}.json`);
      await writeJson(note, { path });
      const helper = startHelper(path, { what, longestMs });
      try {
        await helper.untilFrozen();
        // The freeze waits until all data is on the disk, which may have taken long.
        checkAborted(what, signal);
        const result = await work();
        if (!helper.hasEnded()) return result;
        throw new RuneError("unavailable", `${what} ended before the copy was taken`, {
          hint: "Rune tries again",
        });
      } finally {
        if (!await helper.release()) await thaw(path, new AbortController().signal);
        await removeEntry(note);
      }
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

/** Asserts that a path is on another filesystem than one of the daemon's own. */
async function assertElsewhere(path: string, own: string): Promise<void> {
  if ((await Deno.stat(path)).dev !== (await Deno.stat(own)).dev) return;
  throw new RuneError(
    "failed_precondition",
    `${path} is on the filesystem of ${own}, which must not be frozen`,
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
  let ended = false;
  const status = process.status.finally(() => ended = true);
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
    hasEnded: () => ended,
    /** Lets writes go on. @returns whether they certainly do. */
    async release(): Promise<boolean> {
      await process.stdin.close().catch(() => {});
      await stdout.cancel();
      const { code } = await status;
      await stderr;
      return code === 0 || code === NOT_FROZEN;
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
