/** Writes a backup to a file that appears only when all of it is on disk and was read back. @module */
import { join } from "node:path";
import { replaceFile } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { readBackup } from "./format.ts";
import { partialName } from "./retention.ts";

/**
 * Writes and checks a backup; nothing is left of one that failed.
 *
 * @param stream ends or fails by itself, or with the signal.
 * @returns its size in bytes.
 * @throws {RuneError} `unavailable` when the directory cannot be written; `invalid_argument` when what was
 * read back is not what was written; whatever ends the stream.
 */
export async function writeBackup(
  stream: ReadableStream<Uint8Array>,
  { dir, name, signal }: { dir: string; name: string; signal: AbortSignal },
): Promise<number> {
  const check = async (partial: string) => {
    await readBackup((await Deno.open(partial)).readable, {
      async onFile(_name, data) {
        for await (const _ of data) signal.throwIfAborted();
      },
    });
  };
  try {
    const aside = join(dir, partialName(name));
    return await replaceFile(join(dir, name), untilAborted(stream, signal), { aside, check });
  } catch (error) {
    await stream.cancel().catch(() => {});
    throw asRefusal(dir, error);
  }
}

async function* untilAborted(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    signal.throwIfAborted();
    yield chunk;
  }
}

/** What the host says of the directory, as an error that names it. */
export function asRefusal(dir: string, error: unknown): unknown {
  const { code } = error as { code?: unknown };
  // What has a code of the system is of a file; the rest says itself what it is.
  if (error instanceof RuneError || !(error instanceof Error) || typeof code !== "string") return error;
  return new RuneError("unavailable", `cannot write a backup into ${dir}: ${error.message}`, {
    hint: "check that the directory exists, can be written and has room; the daemon does not make it",
    cause: error,
  });
}
