/** Snapshot policies: how often a volume is copied by itself, and how many of these copies are kept. @module */
import { z } from "zod";
import { durationBetween } from "./duration.ts";

/** When a volume is copied by itself, and how many of the copies stay. */
export const snapshotPolicySchema = z.strictObject({
  /** From one snapshot to the next: `15m`, `1h`, `1d`. */
  every: durationBetween("1m", "366d", { why: "those who write the volume are paused for each snapshot" }),
  /** The newest so many that are Ready stay. */
  keep: z.number().int().min(1).max(1000),
});
export type SnapshotPolicy = z.infer<typeof snapshotPolicySchema>;

/** The policy of one volume or claim template: `none` where that of its class is not to hold. */
export const ownSnapshotPolicySchema = z.union([snapshotPolicySchema, z.literal("none")]);
