/** The parts of the driver that speak to DigitalOcean, put together. @module */
import type { BegunNotes } from "../begun_notes.ts";
import type { Freezer } from "../freeze.ts";
import { type Attachments, createAttachments } from "./attachments.ts";
import { type Client, createClient } from "./client.ts";
import type { DevicePlaces } from "./device.ts";
import { createDroplets, type Droplets } from "./droplets.ts";
import { createMetadata } from "./metadata.ts";
import type { Rate } from "./rate.ts";
import { createSnapshots, type Snapshots } from "./snapshots.ts";
import { createVolumeActions } from "./volume_actions.ts";
import { createVolumeReader, type VolumeReader } from "./volume_reader.ts";
import { createVolumes, type Volumes } from "./volumes.ts";

/** How long to wait for what, in milliseconds. Tests shorten it. */
export interface Waits {
  attemptMs?: number;
  backoffMs?: readonly number[];
  pollMs?: readonly number[];
  /** How long an action may take. */
  actionMs?: number;
  /** Between looks at what should be there. */
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
  /** Remembers which snapshots were begun and are not done. */
  snapshotNotes: BegunNotes;
  waits?: Waits;
  /** For tests. */
  rate?: Rate;
}

/** DigitalOcean, for the driver. */
export interface Cloud {
  client: Client;
  reader: VolumeReader;
  volumes: Volumes;
  droplets: Droplets;
  attachments: Attachments;
  snapshots: Snapshots;
  places: DevicePlaces;
  freezer: Freezer;
  waits: Waits;
}

/** Puts the parts together. Nothing is sent before the first call. */
export function createCloud(
  { apiUrl, metadataUrl, places, freezer, snapshotNotes, waits = {}, rate }: CloudOptions,
): Cloud {
  const client = createClient({ apiUrl, ...waits, ...(rate && { rate }) });
  const reader = createVolumeReader({ client, ...waits });
  const actions = createVolumeActions({ client, reader, ...waits });
  const metadata = createMetadata(metadataUrl);
  const droplets = createDroplets({ client, metadata, ...waits });
  return {
    client,
    reader,
    volumes: createVolumes({ client, actions, ...waits }),
    droplets,
    attachments: createAttachments({ reader, actions, droplets }),
    snapshots: createSnapshots({ client, droplets, freezer, notes: snapshotNotes, ...waits }),
    places,
    freezer,
    waits,
  };
}
