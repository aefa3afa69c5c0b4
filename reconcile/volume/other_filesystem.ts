/** Whether another filesystem is where a volume's own was. @module */
import { isSameFilesystem } from "../../drivers/filesystem.ts";
import type { Driver } from "../../drivers/driver.ts";
import type { Filesystem } from "../../model/filesystem.ts";
import type { Volume } from "../../model/volume.ts";
import type { Store } from "../../store/store.ts";
import { volumeContext } from "./apply.ts";

/** How long a look at the filesystem may take. */
const LOOK_MS = 10_000;

/** The filesystem in the place of the one that the volume was made on; undefined when it is that one, or nobody can tell. */
export async function otherFilesystem(
  volume: Volume,
  { drivers, store, node }: {
    drivers: ReadonlyMap<string, Driver>;
    store: Pick<Store, "get">;
    node: { name: string };
  },
): Promise<Filesystem | undefined> {
  const { filesystem: expected, driver } = volume.status;
  if (!expected) return undefined;
  const storageClass = store.get("storageClass", "", volume.spec.storageClassName ?? "");
  const view = { volume, class: storageClass, node };
  const found = await drivers.get(driver ?? "")?.filesystem?.(
    volumeContext(view, AbortSignal.timeout(LOOK_MS)),
  );
  return found && !isSameFilesystem(expected, found) ? found : undefined;
}
