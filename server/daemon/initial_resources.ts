/**
 * Fills a new store with the namespace `default` and a storage class for each driver that needs no settings.
 * @module
 */
import { BUILT_IN_DRIVER } from "../../drivers/built_in.ts";
import { listInitialClassDrivers } from "../../drivers/registry.ts";
import type { StorageClassSpec } from "../../model/storage_class.ts";
import type { Store } from "../../store/store.ts";
import { makeInitialState } from "../admission/initial_state.ts";
import { ensureNamespace } from "../admission/cast.ts";

const SEEDED = "seeded";

/**
 * Seeds a store once, so that a class that was deleted later stays deleted.
 *
 * @param options `defaultStorageClass` of the runefile. If it names another class, none of these becomes the
 * default, since a default class would take precedence over the runefile.
 */
export async function createInitialResources(
  store: Store,
  options: { defaultStorageClass?: string } = {},
): Promise<void> {
  if (await store.getMeta(SEEDED)) return;
  const { defaultStorageClass = BUILT_IN_DRIVER } = options;
  await store.transact((tx) => {
    ensureNamespace(tx, "default");
    for (const name of listInitialClassDrivers()) {
      // A crash between this commit and the note below comes here again.
      if (tx.get("storageClass", "", name)) continue;
      const spec: StorageClassSpec = {
        driver: name,
        parameters: {},
        reclaimPolicy: "retain",
        default: name === defaultStorageClass,
        allowedTopologies: [],
      };
      tx.create({
        kind: "storageClass",
        namespace: "",
        name,
        spec,
        ...makeInitialState("storageClass", spec),
      });
    }
  });
  await store.putMeta(SEEDED, true);
}
