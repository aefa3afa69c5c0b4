/**
 * Checks a declaration against the store, the storage classes and the drivers, and fills in its defaults.
 * This happens after the schema and before the write. Cast, PUT, POST and scale all use it, so none of them
 * is a way around another.
 * @module
 */
import type { Declared } from "../../model/declared.ts";
import { checkHost } from "./host.ts";
import { checkSecretLimits } from "./secret_writes.ts";
import { admitService } from "./service.ts";
import { admitSnapshot } from "./snapshot.ts";
import { admitStorageClass } from "./storage_class.ts";
import { admitVolume } from "./volume.ts";
import type { Verdict, World } from "./world.ts";

/** Checks one declaration. */
export function admit(declared: Declared, world: World): Verdict<unknown> {
  switch (declared.kind) {
    case "storageClass":
      return admitStorageClass(declared, world);
    case "volume":
      return admitVolume(declared, world);
    case "snapshot":
      return admitSnapshot(declared, world);
    case "service": {
      const { spec, issues } = admitService(declared, world);
      return {
        spec,
        issues: [
          ...issues,
          ...checkHost(spec, world),
        ],
      };
    }
    case "secret":
      return { spec: declared.spec, issues: checkSecretLimits(declared.spec.data, world.secretLimits) };
    default:
      return { spec: declared.spec, issues: [] };
  }
}
