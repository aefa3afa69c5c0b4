/** The parts of the driver that speak to DigitalOcean, put together. @module */
import type { Freezer } from "../freeze.ts";
import { type Attachments, createAttachments } from "./attachments.ts";
import { type Client, createClient } from "./client.ts";
import type { DevicePlaces } from "./device.ts";
import { createDroplets } from "./droplets.ts";
import { createMetadata } from "./metadata.ts";
import { createSnapshots, type Snapshots } from "./snapshots.ts";
import { createVolumes, type Volumes } from "./volumes.ts";

/** How long to wait for what, in milliseconds. Tests shorten it. */
export interface Waits {
  backoffMs?: readonly number[];
  pollMs?: readonly number[];
  /** How long an action may take. */
  actionMs?: number;
  /** Between looks at what an action did. */
  lookMs?: number;
  busyMs?: number;
  /** How long other actions of the droplet may take. */
  busyLimitMs?: number;
  goneMs?: number;
  frozenMs?: number;
  deviceMs?: number;
}

/** Where DigitalOcean is, and its devices. */
export interface CloudOptions {
  apiUrl: string;
  metadataUrl: string;
  places: DevicePlaces;
  freezer: Freezer;
  waits?: Waits;
}

/** DigitalOcean, for the driver. */
export interface Cloud {
  client: Client;
  volumes: Volumes;
  attachments: Attachments;
  snapshots: Snapshots;
  places: DevicePlaces;
  freezer: Freezer;
  waits: Waits;
}

/** Puts the parts together. Nothing is sent before the first call. */
export function createCloud({ apiUrl, metadataUrl, places, freezer, waits = {} }: CloudOptions): Cloud {
  const client = createClient({ apiUrl, ...waits });
  const volumes = createVolumes({ client, ...waits });
  const droplets = createDroplets({ client, metadata: createMetadata(metadataUrl), ...waits });
  const attachments = createAttachments({ client, volumes, droplets, ...waits });
  return {
    client,
    volumes,
    attachments,
    snapshots: createSnapshots({ client, freezer, ...waits }),
    places,
    freezer,
    waits,
  };
}
