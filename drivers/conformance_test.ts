import { join } from "node:path";
import { driverConformance } from "./conformance.ts";
import { contextMaker, type Scratch, scratchDirectory } from "./conformance_trial.ts";
import { detachLoopDevice, findLoopDevice } from "./devices.ts";
import { findMount, unmountDirectory } from "./host.ts";
import { LocalDriver } from "./local/local_driver.ts";
import { ProtectedDirectories } from "./local_host/protected.ts";
import { LocalHostDriver } from "./local_host/local_host_driver.ts";
import { LoopTestDriver } from "./loop_test_driver.ts";

driverConformance({
  name: "local",
  snapshots: true,
  make: async () => {
    const scratch = await scratchDirectory();
    const restart = () => new LocalDriver({ root: join(scratch.path, "volumes") });
    return {
      driver: restart(),
      restart,
      context: contextMaker(),
      cleanup: scratch.remove,
    };
  },
});

driverConformance({
  name: "local-host",
  snapshots: false,
  make: async () => {
    const scratch = await scratchDirectory();
    const restart = () =>
      new LocalHostDriver({
        allowlist: () => [scratch.path],
        allowCreateMissing: true,
        protected: new ProtectedDirectories([]),
      });
    const parameters = (name: string) => ({ hostPath: join(scratch.path, name), createIfMissing: "true" });
    return {
      driver: restart(),
      restart,
      context: contextMaker({ parameters }),
      cleanup: scratch.remove,
    };
  },
});

const canLoop = Deno.uid() === 0 && exists("/dev/loop-control");

for (const fsType of ["ext4", "xfs"] as const) {
  driverConformance({
    name: `loop-test ${fsType} (needs root and loop devices)`,
    snapshots: false,
    ignore: !canLoop ||
      !["/sbin", "/usr/sbin"].some((directory) => exists(join(directory, `mkfs.${fsType}`))),
    make: async () => {
      const scratch = await scratchDirectory();
      const restart = () => new LoopTestDriver({ root: scratch.path, fsType });
      // xfs takes no less than 300 MiB; the image is sparse.
      const context = contextMaker({ sizeBytes: fsType === "xfs" ? 320 << 20 : 32 << 20 });
      return { driver: restart(), restart, context, cleanup: () => removeLoops(scratch) };
    },
  });
}

async function removeLoops(scratch: Scratch): Promise<void> {
  const { signal } = new AbortController();
  for (const { name, isFile } of Array.from(Deno.readDirSync(scratch.path))) {
    const path = join(scratch.path, name);
    while (!isFile && await findMount(path)) await unmountDirectory(path, signal);
    if (!isFile) continue;
    for (let device; (device = await findLoopDevice(path, signal)) !== undefined;) {
      await detachLoopDevice(device, signal);
    }
  }
  await scratch.remove();
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
