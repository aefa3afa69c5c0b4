/** The local driver's note of who made a volume's directory, kept outside the data. @module */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import { removeEntry } from "../../base/durable.ts";
import { readJson, removeAside, writeJson } from "../json_file.ts";
import type { Owner } from "../directory_hold.ts";
import type { LocalLayout, VolumePlace } from "./layout.ts";

const markerSchema = z.object({
  uid: z.string(),
  /** `making`: the directory is there if and only if it is whole, because it appears by a rename. */
  state: z.enum(["making", "ready"]),
  /** Data was found in place and kept. */
  adopted: z.boolean(),
  /** The trash entry that it was brought back from. */
  from: z.string().optional(),
  /** The daemon whose volume it is; absent in notes of earlier versions. */
  daemonId: z.string().optional(),
  /** That daemon's data directory, for messages. */
  dataDir: z.string().optional(),
});

/** See {@linkcode readMarker}. */
export type Marker = z.infer<typeof markerSchema>;

/** Who made the volume at this place; undefined when nobody did, or the note is lost. */
export async function readMarker(layout: LocalLayout, place: VolumePlace): Promise<Marker | undefined> {
  return await readJson(layout.marker(place), markerSchema);
}

/**
 * The same, for a daemon.
 *
 * @throws {RuneError} `failed_precondition` for what another daemon made.
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
      hint:
        "give this daemon a storage.localVolumeRoot of its own; when that daemon is gone for good, remove " +
        `${layout.marker(place)}, and its data is adopted`,
    },
  );
}

/** Writes the note, durably. */
export async function writeMarker(layout: LocalLayout, place: VolumePlace, marker: Marker): Promise<void> {
  const path = layout.marker(place);
  await layout.ensureParent(path);
  await writeJson(path, marker);
}

/** Removes the note, and one that was only half written. Done when they are gone already. */
export async function removeMarker(layout: LocalLayout, place: VolumePlace): Promise<void> {
  await removeAside(layout.marker(place));
  await removeEntry(layout.marker(place));
}
