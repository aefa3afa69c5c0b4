/**
 * What a volume begins with, as a castfile says it: a map whose first key is the kind of source. A new kind is a member of both
 * unions here, a branch of {@linkcode readVolumeSource}, and then the compiler names who has to decide about it.
 * @module
 */
import { z } from "zod";
import { nameSchema } from "./name.ts";
import { sourceSnapshotSchema } from "./reference.ts";

/** As a castfile writes it; of the volume's own namespace when it names none. */
export const writtenSourceSchema = z.union([
  z.strictObject({ snapshot: sourceSnapshotSchema, namespace: nameSchema.optional() }),
]);

/** As it is kept. */
export const volumeSourceSchema = z.union([
  z.strictObject({ snapshot: sourceSnapshotSchema, namespace: nameSchema }),
]);

/** A source by its kind. */
export type VolumeSource = { from: "snapshot"; namespace: string; name: string };

/** The source of a volume; undefined for one that begins empty. */
export function readVolumeSource(
  { spec: { source } }: { spec: { source?: z.output<typeof volumeSourceSchema> } },
): VolumeSource | undefined {
  return source && { from: "snapshot", namespace: source.namespace, name: source.snapshot };
}
