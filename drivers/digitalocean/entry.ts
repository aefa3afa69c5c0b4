/** The driver `do-volume` in the registry. @module */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { absolutePathSchema } from "../../model/mounts.ts";
import { startDeadline } from "../../base/delay.ts";
import type { DriverEntry } from "../entry.ts";
import { createBegunNotes } from "../begun_notes.ts";
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
 * The driver mounts volumes below this directory. It is not in the data directory: volumes stay mounted while
 * their services outlive the daemon, and `rm -r` of the data directory would delete what they hold.
 */
const MOUNTS = "/run/rune/do-volumes";

/**
 * Where the driver of a daemon mounts its volumes. Only the path of the data directory decides, so that a
 * fresh store finds what the last one mounted, and two daemons never unmount each other's volumes. The same
 * directory behind a link is the same.
 */
export function mountRootOf(dataDir: string): string {
  return join(MOUNTS, createHash("sha256").update(realPathOf(dataDir)).digest("hex").slice(0, 16));
}

function realPathOf(dataDir: string): string {
  try {
    return Deno.realPathSync(dataDir);
  } catch (error) {
    // A daemon has its directory; a test of the entry need not.
    if (errnoOf(error) !== "ENOENT") throw error;
    return dataDir;
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
        means:
          "Where DigitalOcean's metadata service is. Rune uses no droplet that it denies this machine to be.",
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
      snapshotNotes: createBegunNotes(join(dataDir, "snapshotting")),
    });
    const driver = new DoVolumeDriver({
      cloud,
      mountRoot: mountRootOf(dataDir),
      notes: createBegunNotes(join(dataDir, "formatting")),
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
