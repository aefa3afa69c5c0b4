/** In-memory filesystems of this machine, for files that must not reach a disk. @module */
import { detachMount, findMemory, findMount, mountMemory, unmountDirectory } from "../drivers/host.ts";
import type { MemoryMounts } from "./run_files.ts";

/** How long the host may take for a mount. */
const MOUNT_MS = 10_000;

/** Mounts that carry the daemon's id, wherever its directory went. */
export function createMemoryMounts(daemonId: string): MemoryMounts {
  const source = `rune-${daemonId}`;
  return {
    mount: (directory, { bytes }) =>
      mountMemory(directory, { bytes, source, signal: AbortSignal.timeout(MOUNT_MS) }),
    list: () => findMemory(source),
    detach: (directory) => detachMount(directory, AbortSignal.timeout(MOUNT_MS)),
    async unmount(directory) {
      const path = await Deno.realPath(directory).catch(() => undefined);
      if (path === undefined || await findMount(path) === undefined) return;
      await unmountDirectory(path, AbortSignal.timeout(MOUNT_MS));
    },
  };
}
