/** The driver `local-host` in the registry. @module */
import { z } from "zod";
import { absolutePathSchema } from "../../model/mounts.ts";
import { flag } from "../../model/runefile_values.ts";
import type { DriverEntry } from "../entry.ts";
import { LOCAL_HOST_CAPABILITIES, LocalHostDriver } from "./local_host_driver.ts";
import { LOCAL_HOST_PARAMETERS } from "./parameters.ts";
import { ProtectedDirectories } from "./protected.ts";

const keys = {
  hostPathAllowlist: z.array(absolutePathSchema).optional(),
  allowCreateMissing: flag.optional(),
};

/** Settings of the driver. */
export interface LocalHostSettings {
  hostPathAllowlist: string[];
  allowCreateMissing: boolean;
}

/** The entry of the driver. */
export const LOCAL_HOST: DriverEntry<typeof keys, LocalHostSettings> = {
  name: "local-host",
  means:
    "A volume is a directory of the host that the operator allows. Rune never removes or copies its data.",
  capabilities: LOCAL_HOST_CAPABILITIES,
  parameters: LOCAL_HOST_PARAMETERS,
  keys,
  settings: {
    hostPathAllowlist: {
      setting: "hostPathAllowlist",
      live: true,
      doc: {
        means: "Directories that volumes of any namespace may be, or lie below.",
        form: "list of absolute paths",
        default: "none; dev mode adds `~/.rune/volumes`",
        example: "[/srv/data]",
      },
    },
    allowCreateMissing: {
      setting: "allowCreateMissing",
      live: true,
      doc: {
        means: "Whether the parameter `createIfMissing` has an effect.",
        form: "`true`, `false`",
        default: "`false`; dev mode `true`",
        example: "true",
      },
    },
  },
  initialClass: true,
  settle: (written, { userVolumes }) => ({
    hostPathAllowlist: [
      ...written.hostPathAllowlist ?? [],
      ...userVolumes === undefined ? [] : [userVolumes],
    ],
    allowCreateMissing: written.allowCreateMissing ?? userVolumes !== undefined,
  }),
  hostPaths: (settings) => settings.hostPathAllowlist,
  create(settings, { ownDirectories, devMode, grantedPaths }) {
    const options = ({ hostPathAllowlist, allowCreateMissing }: LocalHostSettings) => ({
      allowlist: (namespace: string) => [...hostPathAllowlist, ...grantedPaths(namespace)],
      allowCreateMissing,
    });
    const driver = new LocalHostDriver({
      ...options(settings),
      protected: new ProtectedDirectories(
        ownDirectories.map(({ path, what }) => ({ path, what: `${what} of Rune` })),
      ),
    });
    return {
      driver,
      configure: (next) => driver.configure(options(next)),
      async prepare() {
        if (!devMode) return [];
        for (const path of settings.hostPathAllowlist) await Deno.mkdir(path, { recursive: true });
        return [];
      },
    };
  },
};
