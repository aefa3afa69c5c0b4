/** The driver `do-volume` in the registry. @module */
import { join } from "node:path";
import { z } from "zod";
import { absolutePathSchema } from "../../model/mounts.ts";
import { startDeadline } from "../../base/delay.ts";
import type { DriverEntry } from "../entry.ts";
import { createFormatNotes } from "../format_notes.ts";
import { createFreezer } from "../freeze.ts";
import { errnoOf } from "../host_error.ts";
import { DO_VOLUME_CAPABILITIES } from "./capabilities.ts";
import { createCloud } from "./cloud.ts";
import { DEVICE_DIRECTORY, SYSFS } from "./device.ts";
import { DoVolumeDriver } from "./do_driver.ts";
import { METADATA_URL } from "./metadata.ts";
import { DO_VOLUME_PARAMETERS } from "./parameters.ts";

const API_URL = "https://api.digitalocean.com";
/** How long to try to thaw what a killed daemon left frozen, in milliseconds. */
const THAW_MS = 30_000;

const urlSchema = z.url({ protocol: /^https?$/ }).max(1024);

/** Tokens are sent there, so only a proxy on this host may do without TLS. */
const apiUrlSchema = urlSchema.refine(
  (text) => /^https:|^http:\/\/(127\.\d+\.\d+\.\d+|\[::1\]|localhost)(:\d+)?(\/|$)/i.test(text),
  { error: "expected https, or http to this host: the tokens are sent there" },
);

const keys = {
  digitalOceanApi: apiUrlSchema.optional(),
  digitalOceanMetadata: urlSchema.optional(),
  digitalOceanDevices: absolutePathSchema.optional(),
};

/**
 * Where the driver mounts its volumes. It is a directory of its own: `mounts` in the data directory is where
 * the node shows volumes to runs. The kernel lists mounts by their real paths, so links are followed here.
 */
export function mountRootOf(dataDir: string): string {
  const name = "do-volumes";
  try {
    return join(Deno.realPathSync(dataDir), name);
  } catch (error) {
    // A daemon has its directory; a test of the entry need not.
    if (errnoOf(error) !== "ENOENT") throw error;
    return join(dataDir, name);
  }
}

/** Settings of the driver. */
export interface DoVolumeSettings {
  doApiUrl: string;
  doMetadataUrl: string;
  doDeviceDirectory: string;
}

/** The entry of the driver. */
export const DO_VOLUME: DriverEntry<typeof keys, DoVolumeSettings> = {
  name: "do-volume",
  means: "A volume is a volume of DigitalOcean's Block Storage, attached to the droplet that Rune runs on.",
  capabilities: DO_VOLUME_CAPABILITIES,
  parameters: DO_VOLUME_PARAMETERS,
  keys,
  settings: {
    digitalOceanApi: {
      setting: "doApiUrl",
      live: false,
      doc: {
        means:
          "Where DigitalOcean's API is, for hosts that reach it through a proxy. It is given the tokens.",
        form: "URL with `https`, or with `http` to this host",
        default: `\`${API_URL}\``,
        example: "https://do-proxy.example.com",
      },
    },
    digitalOceanMetadata: {
      setting: "doMetadataUrl",
      live: false,
      doc: {
        means: "Where DigitalOcean's metadata service is. Rune asks it only for hints.",
        form: "URL",
        default: `\`${METADATA_URL}\``,
        example: METADATA_URL,
      },
    },
    digitalOceanDevices: {
      setting: "doDeviceDirectory",
      live: false,
      doc: {
        means: "Where udev links the devices of attached volumes.",
        form: "absolute path",
        default: `\`${DEVICE_DIRECTORY}\``,
        example: DEVICE_DIRECTORY,
      },
    },
  },
  settle: ({ digitalOceanApi, digitalOceanMetadata, digitalOceanDevices }) => ({
    doApiUrl: digitalOceanApi ?? API_URL,
    doMetadataUrl: digitalOceanMetadata ?? METADATA_URL,
    doDeviceDirectory: digitalOceanDevices ?? DEVICE_DIRECTORY,
  }),
  create({ doApiUrl, doMetadataUrl, doDeviceDirectory }, { dataDir }) {
    const freezer = createFreezer(join(dataDir, "frozen"));
    const cloud = createCloud({
      apiUrl: doApiUrl,
      metadataUrl: doMetadataUrl,
      places: { directory: doDeviceDirectory, sysfs: SYSFS },
      freezer,
      snapshotNotes: createFormatNotes(join(dataDir, "snapshotting")),
    });
    const driver = new DoVolumeDriver({
      cloud,
      mountRoot: mountRootOf(dataDir),
      notes: createFormatNotes(join(dataDir, "formatting")),
    });
    return {
      driver,
      configure: () => {},
      async prepare() {
        using limit = startDeadline(THAW_MS);
        return await freezer.thawLeft(limit.signal);
      },
    };
  },
};
