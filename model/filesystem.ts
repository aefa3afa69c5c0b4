/** The filesystem that a volume was made on, as it is remembered. @module */
import { z } from "zod";
import { RuneError } from "./error.ts";

/** See the module comment; how one is told from another says `drivers/filesystem.ts`. */
export const filesystemSchema = z.object({
  /** As the kernel calls it: `ext4`. */
  type: z.string(),
  /** Where it was mounted. */
  mountPoint: z.string(),
  /** The volume's path in the filesystem itself: the same wherever that is mounted. */
  path: z.string(),
  /** What names this filesystem and no other; absent where it has nothing that lasts, as in memory. */
  id: z.string().optional(),
});

/** See {@linkcode filesystemSchema}. */
export type Filesystem = z.infer<typeof filesystemSchema>;

/** Whether what was remembered is what is there. */
export function isSameFilesystem(expected: Filesystem, found: Filesystem): boolean {
  if (expected.path !== found.path) return false;
  if (expected.id !== undefined && found.id !== undefined) return expected.id === found.id;
  return expected.type === found.type && expected.mountPoint === found.mountPoint;
}

/** What a volume was made on is not there, another filesystem is: it may come back, and nothing is done until then. */
export class FilesystemAway extends RuneError {
  constructor(message: string, hint: string) {
    super("unavailable", message, { hint });
  }
}
