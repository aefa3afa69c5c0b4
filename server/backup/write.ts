/**
 * Writes a backup to a file, which gets its name only when it is complete on disk and was verified.
 * @module
 */
import { join } from "node:path";
import { replaceFile } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { readBackup } from "./format.ts";
import { partialName } from "./retention.ts";

/**
 * Writes and verifies a backup. A failed one leaves nothing behind.
 *
 * @param stream the backup, which must also end when the signal aborts.
 * @returns its size in bytes.
 * @throws {RuneError} `unavailable` if the directory cannot be written; `invalid_argument` if the written
 * file is damaged; any error of the stream.
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

/** Turns a system error into one that names the directory. */
export function asRefusal(dir: string, error: unknown): unknown {
  const { code } = error as { code?: unknown };
  // Only system errors have a code. Others describe themselves.
  if (error instanceof RuneError || !(error instanceof Error) || typeof code !== "string") return error;
  return new RuneError("unavailable", `cannot write a backup into ${dir}: ${error.message}`, {
    hint: "check that the directory exists, is writable and has free space; the daemon does not create it",
    cause: error,
  });
}
