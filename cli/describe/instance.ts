/** Describes an instance. @module */
import { volumeKeyOf } from "../../model/claim_names.ts";
import { type Instance, mountsOf } from "../../model/instance.ts";
import type { DescribeContext } from "./context.ts";
import { fileMountLines } from "./config.ts";
import { condition, lines, moment, part } from "./sections.ts";

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
  return lines([
    ["Name", instance.name],
    ["Namespace", instance.namespace],
    ["Service", spec.service],
    ["State", condition(status, { paint, deleting: instance.deletionRequestedAt !== undefined })],
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
    ["Started", moment(status.startedAt, now)],
    ["Finished", moment(status.finishedAt, now)],
    [
      "Last failure",
      lastFailure && `${lastFailure.reason}: ${lastFailure.message}${code}, ${moment(lastFailure.at, now)}`,
    ],
    ["Created", moment(instance.createdAt, now)],
    ["Deletion", moment(instance.deletionRequestedAt, now)],
  ]) + part("Mounts", mounts.join("\n"));
}
