/** The local driver's note of who made a volume's directory, kept outside the data. @module */
import { z } from "zod";
import { readJson, removeAside, removeEntry, writeJson } from "./durable.ts";
import type { LocalLayout, VolumePlace } from "./local_layout.ts";

const markerSchema = z.object({
  uid: z.string(),
  /** `making`: the directory is there if and only if it is whole, because it appears by a rename. */
  state: z.enum(["making", "ready"]),
  /** Data was found in place and kept. */
  adopted: z.boolean(),
  /** The trash entry that it was brought back from. */
  from: z.string().optional(),
});

/** See {@linkcode readMarker}. */
export type Marker = z.infer<typeof markerSchema>;

/** Who made the volume at this place; undefined when nobody did, or the note is lost. */
export async function readMarker(layout: LocalLayout, place: VolumePlace): Promise<Marker | undefined> {
  return await readJson(layout.marker(place), markerSchema);
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
