/** The marker of a volume, outside its data, which records who created its directory. @module */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import { removeEntry } from "../../base/durable.ts";
import { readJson, removeAside, writeJson } from "../json_file.ts";
import type { Owner } from "../directory_hold.ts";
import type { LocalLayout, VolumePlace } from "./layout.ts";

const markerSchema = z.object({
  uid: z.string(),
  /** `making`: the directory may be missing. If it exists it is complete, since it appears by a rename. */
  state: z.enum(["making", "ready"]),
  /** Whether provisioning found existing data and kept it. */
  adopted: z.boolean(),
  /** The trash entry from which it was restored. */
  from: z.string().optional(),
  /** The daemon that owns the volume; absent in markers of earlier versions. */
  daemonId: z.string().optional(),
  /** The data directory of that daemon, for messages. */
  dataDir: z.string().optional(),
});

/** A marker. */
export type Marker = z.infer<typeof markerSchema>;

/** Reads the marker of a volume; undefined if there is none. */
export async function readMarker(layout: LocalLayout, place: VolumePlace): Promise<Marker | undefined> {
  return await readJson(layout.marker(place), markerSchema);
}

/**
 * Reads the marker of a volume for a daemon.
 *
 * @throws {RuneError} `failed_precondition` if the volume belongs to another daemon.
 */
export async function readOwnMarker(
  layout: LocalLayout,
  place: VolumePlace,
  owner: Owner | undefined,
): Promise<Marker | undefined> {
  const marker = await readMarker(layout, place);
  if (!owner || marker?.daemonId === undefined || marker.daemonId === owner.daemonId) return marker;
  const { daemonId, dataDir } = marker;
  throw new RuneError(
    "failed_precondition",
    `${
      layout.volume(place)
    } is a volume of another Rune daemon, ${daemonId} of the data directory ${dataDir}`,
    {
      hint: "give this daemon its own storage.localVolumeRoot; if that daemon is gone for good, remove " +
        `${layout.marker(place)}, and its data is adopted`,
    },
  );
}

/** Writes the marker durably. */
export async function writeMarker(layout: LocalLayout, place: VolumePlace, marker: Marker): Promise<void> {
  const path = layout.marker(place);
  await layout.ensureParent(path);
  await writeJson(path, marker);
}

/** Removes the marker, and a partial one. Does nothing if they are gone. */
export async function removeMarker(layout: LocalLayout, place: VolumePlace): Promise<void> {
  await removeAside(layout.marker(place));
  await removeEntry(layout.marker(place));
}
