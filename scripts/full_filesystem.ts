/** A small filesystem in memory that can be filled, to test full disks. Needs root. @module */
import { capture } from "./command.ts";

/** A mounted filesystem; disposing of it unmounts it. */
export interface FullFilesystem extends AsyncDisposable {
  /** Where it is mounted. */
  path: string;
  /** Leaves this many bytes free, rounded down to pages. */
  fill(options: { free: number }): Promise<void>;
  /** Frees the space again. */
  clear(): Promise<void>;
}

async function must(argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await capture(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr.trim()}`);
  return stdout;
}

/** Mounts a filesystem. @param sizeKiB its size. */
export async function makeFullFilesystem(sizeKiB = 1024): Promise<FullFilesystem> {
  const path = await Deno.makeTempDir({ prefix: "rune-full-" });
  try {
    await must(["mount", "-t", "tmpfs", "-o", `size=${sizeKiB}k`, "rune-test", path]);
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
  const filler = `${path}/filler`;
  return {
    path,
    async fill({ free }) {
      await Deno.remove(filler).catch(() => {});
      const table = await must(["df", "--block-size=1", "--output=avail", path]);
      const bytes = Number(table.trim().split("\n").at(-1)) - free;
      await Deno.writeFile(filler, new Uint8Array(Math.max(0, bytes)));
    },
    clear: () => Deno.remove(filler),
    async [Symbol.asyncDispose]() {
      await must(["umount", path]);
      await Deno.remove(path);
    },
  };
}
