/** Describes an instance. @module */
import { volumeKeyOf } from "../../model/claim_names.ts";
import { type Instance, mountsOf } from "../../model/instance.ts";
import type { DescribeContext } from "./context.ts";
import { fileMountLines } from "./config.ts";
import { formatCondition, formatLines, formatMoment, formatPart } from "./sections.ts";

/** The description of an instance. */
export function describeInstance(instance: Instance, { paint, now }: DescribeContext): string {
  const { spec, status } = instance;
  const { lastFailure } = status;
  const code = lastFailure?.exitCode === undefined ? "" : `, exit code ${lastFailure.exitCode}`;
  const mounts = mountsOf(instance).map((mount) =>
    `${mount.mountPath}  ${mount.claim?.name ?? volumeKeyOf(mount, instance).name}${
      mount.readOnly ? " (read-only)" : ""
    }`
  );
  mounts.push(...fileMountLines(spec.template));
  return formatLines([
    ["Name", instance.name],
    ["Namespace", instance.namespace],
    ["Service", spec.service],
    ["State", formatCondition(status, { paint, deleting: instance.deletionRequestedAt !== undefined })],
    ["Ready", status.ready ? "yes" : "no"],
    ["Runs", spec.template.image ?? spec.template.process?.command],
    ["Runner", spec.runner],
    ["Generation", spec.serviceGeneration],
    ["Address", status.ip],
    ["Pid", status.pid],
    ["Handle", status.handle],
    ["Run", status.run],
    ["Init steps done", status.init?.run === status.run ? status.init.done.join(", ") : undefined],
    ["Restarts", status.restarts],
    ["Failed launches", status.launchFailures > 0 ? status.launchFailures : undefined],
    ["Next attempt", status.nextAttemptAt],
    ["Started", formatMoment(status.startedAt, now)],
    ["Finished", formatMoment(status.finishedAt, now)],
    [
      "Last failure",
      lastFailure &&
      `${lastFailure.reason}: ${lastFailure.message}${code}, ${formatMoment(lastFailure.at, now)}`,
    ],
    ["Created", formatMoment(instance.createdAt, now)],
    ["Deletion", formatMoment(instance.deletionRequestedAt, now)],
  ]) + formatPart("Mounts", mounts.join("\n"));
}
