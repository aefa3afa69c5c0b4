/** Describes a volume: its state and failure, where its data is, and who mounts it. @module */
import type { Service } from "../../model/service.ts";
import { parseImageContent } from "../../model/image_volume.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { mountsOfVolume } from "../../model/claim_names.ts";
import type { Volume } from "../../model/volume.ts";
import type { DescribeContext } from "./context.ts";
import { condition, lines, moment, pairs, part } from "./sections.ts";

/** The services that claim the volume, or whose template made it: `default/web at /data`. */
export function usersOf(volume: Volume, services: Service[]): string[] {
  return services.flatMap((service) =>
    mountsOfVolume(service, volume).map(({ mount }) =>
      `${service.namespace}/${service.name} at ${mount.mountPath}${mount.readOnly ? " (read-only)" : ""}`
    )
  );
}

function madeBy({ annotations, status: { ownerService } }: Volume): string | undefined {
  if (ownerService === undefined) return undefined;
  const content = parseImageContent(annotations[ANNOTATIONS.imageContent]);
  return content
    ? `Rune, for ${content.path}, which image ${content.image} of service ${ownerService} declares as a volume`
    : `the claim template of service ${ownerService}`;
}

/** The description of a volume. */
export function describeVolume(
  volume: Volume,
  options: { context: DescribeContext; services: Service[] },
): string {
  const { context, services } = options;
  const { spec, status } = volume;
  const scheduled = status.snapshots;
  const shown = {
    state: status.state,
    ...(status.failureMessage !== undefined && { message: status.failureMessage }),
  };
  const deleting = volume.deletionRequestedAt !== undefined;
  const conditions = status.conditions.map((c) =>
    `${c.type} ${c.value ? "yes" : "no"}${c.reason ? ` (${c.reason})` : ""}${
      c.message ? `: ${c.message}` : ""
    }, since ${moment(c.since, context.now)}`
  );
  return lines([
    ["Name", volume.name],
    ["Namespace", volume.namespace],
    ["Status", condition(shown, { paint: context.paint, deleting })],
    ["What to do", status.failureHint],
    ["Attempts", status.attempts > 0 ? status.attempts : undefined],
    ["Next attempt", status.nextAttemptAt],
    ["Class", spec.storageClassName],
    ["Driver", status.driver],
    ["Size", spec.size],
    ["Access", spec.accessMode],
    [
      "When deleted",
      spec.reclaimPolicy &&
      `data is ${spec.reclaimPolicy === "delete" ? "deleted" : "kept"} (${spec.reclaimPolicy})`,
    ],
    ["Handle", status.handle],
    ["Restored from", spec.source && `snapshot ${spec.source.namespace}/${spec.source.snapshot}`],
    ["Found data", status.adopted ? "yes, and kept it" : undefined],
    ["Bound to", status.boundClaim],
    ["Node", status.boundNode],
    ["Mounted at", status.mountPath],
    ["Made by", madeBy(volume)],
    ["Released", moment(status.releasedAt, context.now)],
    [
      "Snapshots",
      scheduled && `every ${scheduled.policy.every}, the newest ${scheduled.policy.keep} are kept`,
    ],
    [
      "Last snapshot",
      scheduled?.last && `${scheduled.last.name}, ${moment(scheduled.last.at, context.now)}`,
    ],
    ["Snapshot failed", scheduled?.failureMessage],
    ["Being taken", scheduled?.taking],
    ["Next snapshot", scheduled?.nextAt],
    ["Parameters", pairs(status.driverParameters ?? spec.parameters)],
    ["Labels", pairs(volume.labels)],
    ["Created", moment(volume.createdAt, context.now)],
    ["Deletion", moment(volume.deletionRequestedAt, context.now)],
  ]) + part("Used by", usersOf(volume, services).join("\n")) + part("Conditions", conditions.join("\n"));
}
