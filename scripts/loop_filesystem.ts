/** Filesystems on loop devices, for tests and benchmarks that need a certain type. @module */
import { capture } from "./command.ts";

/** A mounted filesystem; disposing of it unmounts it and removes its file. */
export interface LoopFilesystem extends AsyncDisposable {
  /** Where it is mounted. */
  path: string;
  /** Bytes in use, after everything is written out. */
  usedBytes(): Promise<number>;
}

const FLAGS = {
  ext4: ["-q", "-F", "-m", "0"],
  xfs: ["-q", "-m", "reflink=1"],
  btrfs: ["-q"],
};

/** Types of filesystems that can be created. */
export type LoopFsType = keyof typeof FLAGS;

async function must(argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await capture(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr.trim()}`);
  return stdout;
}

/** Creates a filesystem in a sparse file and mounts it. Needs root and loop devices. */
export async function makeLoopFilesystem(type: LoopFsType, sizeMiB: number): Promise<LoopFilesystem> {
  const dir = await Deno.makeTempDir({ prefix: `rune-${type}-` });
  const [image, path] = [`${dir}/image`, `${dir}/mount`];
  try {
    await Deno.writeFile(image, new Uint8Array());
    await Deno.truncate(image, sizeMiB * 2 ** 20);
    await must([`mkfs.${type}`, ...FLAGS[type], image]);
    await Deno.mkdir(path);
    await must(["mount", "-o", "loop", image, path]);
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
  return {
    path,
    async usedBytes() {
      await must(["sync", "--file-system", path]);
      const table = await must(["df", "--block-size=1", "--output=used", path]);
      return Number(table.trim().split("\n").at(-1));
    },
    async [Symbol.asyncDispose]() {
      await must(["umount", path]);
      await Deno.remove(dir, { recursive: true });
    },
  };
}
