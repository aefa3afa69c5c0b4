/**
 * Holds the writes to a mounted filesystem for a moment, so that a copy of its device is whole. Whatever
 * happens to this process, the writes go on: a helper process thaws the filesystem when its input ends, which
 * it does when this process dies, and after a time limit. A note tells the next daemon.
 * @module
 */
import { join } from "node:path";
import { removeEntry, replaceFile } from "../base/durable.ts";
import { RuneError } from "../model/error.ts";
import { run, spawnHost } from "./host.ts";
import { errnoOf } from "./host_error.ts";

/** How long a filesystem may stay frozen, in milliseconds, even if this process hangs. */
const LONGEST_MS = 30_000;

// It ignores the signals that end a whole service, since its input ends too when the daemon does.
const WATCH = `trap '' TERM INT HUP
timeout --foreground "$2" cat >/dev/null
exec fsfreeze --unfreeze "$1"`;

/** Freezes filesystems. */
export interface Freezer {
  /**
   * Runs `work` while nothing can be written to a filesystem.
   *
   * @param id names the note, so one at a time for each id.
   * @throws {RuneError} `failed_precondition` if it is the filesystem of the daemon itself.
   */
  run<T>(
    mount: { path: string; id: string },
    options: { work: () => Promise<T>; signal: AbortSignal },
  ): Promise<T>;
  /** Thaws what a daemon that was killed left frozen. Call it once, at the start. */
  thawLeft(signal: AbortSignal): Promise<void>;
}

/** @param directory for the notes; it must not be on a filesystem that is frozen. */
export function createFreezer(directory: string, { longestMs = LONGEST_MS } = {}): Freezer {
  async function deviceOf(path: string): Promise<number> {
    return (await Deno.stat(path)).dev;
  }

  return {
    async run({ path, id }, { work, signal }) {
      await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
      const frozen = await deviceOf(path);
      for (const own of ["/", directory]) {
        if (await deviceOf(own) !== frozen) continue;
        throw new RuneError(
          "failed_precondition",
          `${path} is on the filesystem of ${own}, which must not be frozen`,
          {
            permanent: true,
          },
        );
      }
      const note = join(directory, id);
      await replaceFile(note, JSON.stringify({ path }));
      const watch = spawnHost("sh", ["-c", WATCH, "sh", path, `${longestMs / 1000}`], {
        what: `thaw of ${path}`,
        signal: new AbortController().signal,
        stdin: "piped",
      });
      try {
        await run("fsfreeze", ["--freeze", path], { what: `freeze of ${path}`, signal });
        return await work();
      } finally {
        // Both end the helper's wait; then it thaws.
        await watch.stdin.close().catch(() => {});
        await watch.output();
        // For the case that somebody killed the helper.
        await thaw(path);
        await removeEntry(note);
      }
    },
    async thawLeft(signal) {
      for await (const { name } of readNotes(directory)) {
        const note = join(directory, name);
        const { path } = JSON.parse(await Deno.readTextFile(note));
        await thaw(path);
        signal.throwIfAborted();
        await removeEntry(note);
      }
    },
  };
}

async function* readNotes(directory: string): AsyncGenerator<Deno.DirEntry> {
  try {
    for await (const entry of Deno.readDir(directory)) if (entry.isFile) yield entry;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** Thaws a filesystem. Does nothing if it is not frozen, or not mounted any more. */
async function thaw(path: string): Promise<void> {
  const { signal } = new AbortController();
  await run("fsfreeze", ["--unfreeze", path], { what: `thaw of ${path}`, signal, accept: [1] });
}
