/** Files for new tokens. @module */
import { dirname } from "node:path";
import { syncDirectory, writeAll } from "../../base/durable.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/**
 * Checks that a new token can be saved before it is created, because it is shown only once. @throws
 * {UsageError} if it cannot.
 */
export async function reserveTokenFile(
  path: string,
): Promise<{ keep(token: string): Promise<void>; discard(): Promise<void> }> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists ? "it exists" : (error as Error).message;
    throw new UsageError(
      `cannot write ${path}: ${reason}`,
      "choose a new file in a directory that you can write",
    );
  }
  return {
    async keep(token) {
      using open = file;
      await writeAll(open, new TextEncoder().encode(`${token}\n`));
      await open.sync();
      await syncDirectory(dirname(path));
    },
    async discard() {
      file.close();
      await Deno.remove(path);
    },
  };
}
