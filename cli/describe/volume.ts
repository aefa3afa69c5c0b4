/** Describes a volume: its state and failure, where its data is, and who mounts it. @module */
import type { Service } from "../../model/service.ts";
import { parseImageContent } from "../../model/image_volume.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { mountsOfVolume } from "../../model/claim_names.ts";
import type { Volume } from "../../model/volume.ts";
import type { DescribeContext } from "./context.ts";
import { formatCondition, formatLines, formatMoment, formatPairs, formatPart } from "./sections.ts";

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
    }, since ${formatMoment(c.since, context.now)}`
  );
  return formatLines([
    ["Name", volume.name],
    ["Namespace", volume.namespace],
    ["Status", formatCondition(shown, { paint: context.paint, deleting })],
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
    ["Unmounted", formatMoment(status.unmountedAt, context.now)],
    ["Made by", madeBy(volume)],
    ["Released", formatMoment(status.releasedAt, context.now)],
    [
      "Snapshots",
      scheduled && `every ${scheduled.policy.every}, the newest ${scheduled.policy.keep} are kept`,
    ],
    [
      "Last snapshot",
      scheduled?.last && `${scheduled.last.name}, ${formatMoment(scheduled.last.at, context.now)}`,
    ],
    ["Snapshot failed", scheduled?.failureMessage],
    ["Being taken", scheduled?.taking],
    ["Next snapshot", scheduled?.nextAt],
    ["Parameters", formatPairs(status.driverParameters ?? spec.parameters)],
    ["Labels", formatPairs(volume.labels)],
    ["Created", formatMoment(volume.createdAt, context.now)],
    ["Deletion", formatMoment(volume.deletionRequestedAt, context.now)],
  ]) + formatPart("Used by", usersOf(volume, services).join("\n")) +
    formatPart("Conditions", conditions.join("\n"));
}
