/** Snapshot policies: how often Rune copies a volume automatically, and how many copies it keeps. @module */
import { z } from "zod";
import { durationBetween } from "./duration.ts";

/** How often to copy a volume, and how many copies to keep. */
export const snapshotPolicySchema = z.strictObject({
  /** The time between two snapshots: `15m`, `1h`, `1d`. */
  every: durationBetween("1m", "366d", { why: "the volume's writers are paused for each snapshot" }),
  /** How many Ready snapshots to keep; older ones are removed. */
  keep: z.number().int().min(1).max(1000),
});
export type SnapshotPolicy = z.infer<typeof snapshotPolicySchema>;

/** The policy of one volume or claim template. `none` disables the class's policy. */
export const ownSnapshotPolicySchema = z.union([snapshotPolicySchema, z.literal("none")]);
