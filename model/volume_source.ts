/**
 * What a volume starts with, as a castfile writes it: a map whose first key is the kind of source. To add a
 * kind, add a member to both unions here and a branch to {@linkcode readVolumeSource}; the compiler then
 * names the code that must decide about it.
 * @module
 */
import { z } from "zod";
import { nameSchema } from "./name.ts";
import { sourceSnapshotSchema } from "./reference.ts";

/** As a castfile writes it. Default namespace: the volume's own. */
export const writtenSourceSchema = z.union([
  z.strictObject({ snapshot: sourceSnapshotSchema, namespace: nameSchema.optional() }),
]);

/** As stored. */
export const volumeSourceSchema = z.union([
  z.strictObject({ snapshot: sourceSnapshotSchema, namespace: nameSchema }),
]);

/** A source by its kind. */
export type VolumeSource = { from: "snapshot"; namespace: string; name: string };

/** The source of a volume; undefined if it starts empty. */
export function readVolumeSource(
  { spec: { source } }: { spec: { source?: z.output<typeof volumeSourceSchema> } },
): VolumeSource | undefined {
  return source && { from: "snapshot", namespace: source.namespace, name: source.snapshot };
}
