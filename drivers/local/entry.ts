/** The driver `local` in the registry. @module */
import { join } from "node:path";
import { durationSchema, parseDuration } from "../../model/duration.ts";
import { argumentText } from "../../model/bounded.ts";
import { absolutePathSchema } from "../../model/mounts.ts";
import { flag } from "../../model/runefile_values.ts";
import type { DriverEntry } from "../entry.ts";
import { LocalDriver } from "./local_driver.ts";
import { LOCAL_CAPABILITIES } from "./options.ts";
import { BUILT_IN_DRIVER } from "../built_in.ts";
import { LOCAL_PARAMETERS } from "./parameters.ts";

const keys = {
  localVolumeRoot: absolutePathSchema.optional(),
  trashRetention: argumentText.pipe(durationSchema).optional(),
  preserveOnDelete: flag.optional(),
};

/** Settings of the driver. */
export interface LocalSettings {
  localVolumeRoot: string;
  trashRetentionMs: number;
  preserveOnDelete: boolean;
}

/** The entry of the driver. */
export const LOCAL: DriverEntry<typeof keys, LocalSettings> = {
  name: BUILT_IN_DRIVER,
  means: "A volume is a directory that Rune makes below the volume root.",
  capabilities: LOCAL_CAPABILITIES,
  parameters: LOCAL_PARAMETERS,
  keys,
  settings: {
    localVolumeRoot: {
      setting: "localVolumeRoot",
      live: false,
      doc: {
        means: "Where the volumes, their snapshots and the trash are.",
        form: "absolute path",
        default: "`<dataDir>/volumes`",
        example: "/srv/rune/volumes",
      },
    },
    trashRetention: {
      setting: "trashRetentionMs",
      live: true,
      doc: {
        means: "How long the data of a deleted volume can be brought back. `0s` removes it at once.",
        form: "duration",
        default: "`24h`",
        example: "7d",
      },
    },
    preserveOnDelete: {
      setting: "preserveOnDelete",
      live: true,
      doc: {
        means: "Whether `reclaimPolicy: delete` keeps the data all the same.",
        form: "`true`, `false`",
        default: "`false`",
        example: "true",
      },
    },
  },
  initialClass: true,
  settle: (written, { dataDir }) => ({
    localVolumeRoot: written.localVolumeRoot ?? join(dataDir, "volumes"),
    trashRetentionMs: parseDuration(written.trashRetention ?? "24h"),
    preserveOnDelete: written.preserveOnDelete ?? false,
  }),
  ownDirectories: ({ localVolumeRoot: path }) => [
    { path, what: "the volume root", key: "storage.localVolumeRoot" },
  ],
  create(settings, { dataDir, daemonId }) {
    let { trashRetentionMs, preserveOnDelete } = settings;
    const driver = new LocalDriver({
      root: settings.localVolumeRoot,
      ...(daemonId !== undefined &&
        { owner: { daemonId, dataDir }, memory: join(dataDir, "volume-root.json") }),
      trashRetentionMs,
      preserveOnDelete,
    });
    return {
      driver,
      configure(next) {
        ({ trashRetentionMs, preserveOnDelete } = next);
        driver.configure({ trashRetentionMs, preserveOnDelete });
      },
      prepare: () => driver.prepare(),
      close: () => driver.close(),
      sweep: (signal) => driver.sweep(signal),
      async purge(elapsedMs, signal) {
        return (await driver.purgeTrash((at) => elapsedMs(at) > trashRetentionMs, signal)).length;
      },
    };
  },
};
