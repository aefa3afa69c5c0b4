/** Files that hold a new token. @module */
import { UsageError } from "./exit_codes.ts";

/** Makes sure, before a token is made that is shown once, that it can be kept. @throws {UsageError} when it cannot. */
export async function reserveTokenFile(
  path: string,
): Promise<{ write(token: string): Promise<void>; discard(): Promise<void> }> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists ? "it exists" : (error as Error).message;
    throw new UsageError(
      `cannot write ${path}: ${reason}`,
      "name a new file in a directory that you can write",
    );
  }
  return {
    async write(token) {
      using open = file;
      await open.write(new TextEncoder().encode(`${token}\n`));
      await open.sync();
    },
    async discard() {
      file.close();
      await Deno.remove(path);
    },
  };
}
