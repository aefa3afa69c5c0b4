/** What a fresh store begins with: the namespace `default` and the two local storage classes (SPEC 4.1). @module */
import type { StorageClassSpec } from "../../model/storage_class.ts";
import type { Store } from "../../store/store.ts";
import { newborn } from "../admission/newborn.ts";
import { ensureNamespace } from "../admission/cast.ts";

const SEEDED = "seeded";

/**
 * Seeds a store once in its life: a class that was deleted later stays deleted.
 *
 * @param options `defaultStorageClass` of the runefile: where it names another class, `local` is not made the default, so
 * that the runefile is heard.
 */
export async function seed(store: Store, options: { defaultStorageClass?: string } = {}): Promise<void> {
  if (await store.getMeta(SEEDED)) return;
  const { defaultStorageClass = "local" } = options;
  await store.transact((tx) => {
    ensureNamespace(tx, "default");
    for (const name of ["local", "local-host"]) {
      // A crash between this commit and the note below comes here again.
      if (tx.get("storageClass", "", name)) continue;
      const spec: StorageClassSpec = {
        driver: name,
        parameters: {},
        reclaimPolicy: "retain",
        default: name === defaultStorageClass,
        allowedTopologies: [],
      };
      tx.create({ kind: "storageClass", namespace: "", name, spec, ...newborn("storageClass", spec) });
    }
  });
  await store.putMeta(SEEDED, true);
}
