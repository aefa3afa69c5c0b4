/** The record of the filesystem that a volume was made on. @module */
import { z } from "zod";
import { RuneError } from "./error.ts";

/** See the module comment. `drivers/filesystem.ts` compares filesystems. */
export const filesystemSchema = z.object({
  /** The kernel's name for its type: `ext4`. */
  type: z.string(),
  /** Where it was mounted. */
  mountPoint: z.string(),
  /** The volume's path inside the filesystem, the same wherever that is mounted. */
  path: z.string(),
  /** A lasting identifier of this filesystem; absent if it has none, as for one in memory. */
  id: z.string().optional(),
});

/** See {@linkcode filesystemSchema}. */
export type Filesystem = z.infer<typeof filesystemSchema>;

/** Whether the filesystem found is the recorded one. */
export function isSameFilesystem(expected: Filesystem, found: Filesystem): boolean {
  if (expected.path !== found.path) return false;
  if (expected.id !== undefined && found.id !== undefined) return expected.id === found.id;
  return expected.type === found.type && expected.mountPoint === found.mountPoint;
}

/**
 * The volume's filesystem is missing, and another one is in its place. It may come back; Rune waits until
 * then.
 */
export class FilesystemAway extends RuneError {
  constructor(message: string, hint: string) {
    super("unavailable", message, { hint });
  }
}
