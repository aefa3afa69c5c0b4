/**
 * Formats an image as a daemon does, so that a test can kill it: `<image> <fsType> <uid> <notes>`.
 * @module
 */
import { createBegunNotes } from "../begun_notes.ts";
import { ensureFormatted } from "../formatting.ts";

const [device, fsType, uid, directory] = Deno.args as [string, "ext4" | "xfs", string, string];
const volume = { device, fsType, uid, blank: true, notes: createBegunNotes(directory) };
console.log("begins");
await ensureFormatted(volume, new AbortController().signal);
