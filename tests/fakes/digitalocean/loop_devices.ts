/** Loop devices, each known by its name and its file, so that nobody else's is ever touched. @module */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { capture } from "../../../scripts/command.ts";

/** A loop device that was attached. */
export interface LoopDevice {
  /** `/dev/loop3`. */
  path: string;
  file: string;
}

async function run(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await capture(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** Attaches a file. @param options.direct past the page cache, so that a read beyond its end fails. */
export async function attachLoop(file: string, { direct = false } = {}): Promise<LoopDevice> {
  const flags = direct ? ["--direct-io=on"] : [];
  return { path: await run("losetup", "--find", "--show", ...flags, "--", file), file };
}

/** Lets a device take the size of its file. */
export const rereadSize = ({ path }: LoopDevice): Promise<string> => run("losetup", "--set-capacity", path);

/** Whether a device still belongs to its file. The kernel gives the name of one that is free to others. */
export async function isAttached({ path, file }: LoopDevice): Promise<boolean> {
  const backing = `/sys/block/${basename(path)}/loop/backing_file`;
  const found = await Deno.readTextFile(backing).catch(() => "");
  return found.trim().replace(/ \(deleted\)$/, "") === file;
}

/** Detaches a device. If it is mounted, the kernel does so when it is unmounted. */
export async function detachLoop(device: LoopDevice): Promise<void> {
  if (await isAttached(device)) await run("losetup", "--detach", device.path);
}

/** Where a device is mounted. */
export async function findMounts(device: LoopDevice): Promise<string[]> {
  if (!await isAttached(device)) return [];
  const number = (await Deno.readTextFile(`/sys/block/${basename(device.path)}/dev`)).trim();
  const mounts = (await Deno.readTextFile("/proc/self/mountinfo")).trim().split("\n");
  return mounts.map((line) => line.split(" ")).filter((fields) => fields[2] === number)
    .map((fields) =>
      fields[4]!.replaceAll(/\\(\d{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8)))
    );
}

/** Unmounts a device wherever it is mounted, and detaches it. For the end of a test. */
export async function removeLoop(device: LoopDevice): Promise<void> {
  for (const directory of (await findMounts(device)).reverse()) {
    // A test that failed may have left it frozen.
    await capture(["fsfreeze", "--unfreeze", directory]);
    await run("umount", "--", directory);
  }
  await detachLoop(device);
}

/** Copies a file with its holes. */
export async function copySparse(from: string, to: string): Promise<void> {
  await run("cp", "--reflink=auto", "--sparse=always", "--", from, to);
}

/** Mounts a device read-only. @returns false if there is no filesystem on it. */
export async function mountReadOnly({ path }: LoopDevice, directory: string): Promise<boolean> {
  return (await capture(["mount", "-o", "ro", "--", path, directory])).code === 0;
}

/** Unmounts a directory. */
export const unmount = (directory: string): Promise<string> => run("umount", "--", directory);
