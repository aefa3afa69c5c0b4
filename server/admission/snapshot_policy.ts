/** Checks snapshot policies of volumes, claim templates and classes against their driver. @module */
import { parseDuration } from "../../model/duration.ts";
import type { FieldIssue } from "../../model/error.ts";
import { formatAge } from "../../model/format.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import type { JudgingDriver } from "./world.ts";

/** Checks whether the driver supports a snapshot policy, with as many snapshots and as often. */
export function checkSnapshotPolicy(
  { snapshotPolicy: policy }: Pick<VolumeSpec, "snapshotPolicy">,
  { name, capabilities: { snapshots, snapshotLimits: limits } }: JudgingDriver,
): FieldIssue[] {
  if (policy === undefined || policy === "none") return [];
  if (!snapshots) {
    return [{
      path: ["snapshotPolicy"],
      message: `the driver ${name} takes no snapshots`,
      hint: "leave out snapshotPolicy, or keep the data on a volume whose driver takes snapshots",
    }];
  }
  const issues: FieldIssue[] = [];
  if (limits && parseDuration(policy.every) < limits.minIntervalMs) {
    const least = formatAge(limits.minIntervalMs);
    issues.push({
      path: ["snapshotPolicy", "every"],
      message:
        `expected at least ${least}, found ${policy.every}: the driver ${name} takes one snapshot of a volume in ${least}`,
      hint: `write every: ${least}`,
    });
  }
  if (limits && policy.keep > limits.mostPerVolume) {
    issues.push({
      path: ["snapshotPolicy", "keep"],
      message:
        `expected at most ${limits.mostPerVolume}, found ${policy.keep}: a volume of the driver ${name} has no more snapshots than that`,
      hint: `write keep: ${limits.mostPerVolume}, or less if people take snapshots too`,
    });
  }
  return issues;
}
