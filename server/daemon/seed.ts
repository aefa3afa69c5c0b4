/**
 * What a fresh store begins with: the namespace `default` and a storage class of each driver that needs no
 * settings.
 * @module
 */
import { BUILT_IN_DRIVER } from "../../drivers/built_in.ts";
import { seededDrivers } from "../../drivers/registry.ts";
import type { StorageClassSpec } from "../../model/storage_class.ts";
import type { Store } from "../../store/store.ts";
import { makeInitialState } from "../admission/initial_state.ts";
import { ensureNamespace } from "../admission/cast.ts";

const SEEDED = "seeded";

/**
 * Seeds a store once in its life: a class that was deleted later stays deleted.
 *
 * @param options `defaultStorageClass` of the runefile: where it names another class, none of these is made
 * the default, so that the runefile is heard.
 */
export async function seed(store: Store, options: { defaultStorageClass?: string } = {}): Promise<void> {
  if (await store.getMeta(SEEDED)) return;
  const { defaultStorageClass = BUILT_IN_DRIVER } = options;
  await store.transact((tx) => {
    ensureNamespace(tx, "default");
    for (const name of seededDrivers()) {
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
