/** Describes a snapshot: its volume, when it was taken, where it is, and what is wrong with it. @module */
import { formatBytes } from "../../model/format.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import type { DescribeContext } from "./context.ts";
import { formatCondition, formatLines, formatMoment, formatPairs, formatPart } from "./sections.ts";

/** The description of a snapshot. */
export function describeSnapshot(
  snapshot: Snapshot,
  options: { context: DescribeContext; volumes: Volume[] },
): string {
  const { context, volumes } = options;
  const { spec, status, namespace, name } = snapshot;
  const shown = {
    state: status.state,
    ...(status.failureMessage !== undefined && { message: status.failureMessage }),
  };
  const deleting = snapshot.deletionRequestedAt !== undefined;
  const restored = volumes.filter(({ spec: { source } }) =>
    source?.snapshot === name && source.namespace === namespace
  );
  const writers = status.origin === undefined ? undefined : (spec.pause ?? true) ? "paused" : "not paused";
  return formatLines([
    ["Name", name],
    ["Namespace", namespace],
    ["Status", formatCondition(shown, { paint: context.paint, deleting })],
    ["What to do", status.failureHint],
    ["Attempts", status.attempts > 0 ? status.attempts : undefined],
    ["Next attempt", status.nextAttemptAt],
    ["Volume", spec.source.volume],
    [
      "Asked for",
      ANNOTATIONS.policyVolume in snapshot.annotations ? "by the volume's snapshot policy" : undefined,
    ],
    ["Taken", formatMoment(status.takenAt, context.now)],
    ["Writers", writers],
    ["Size", status.sizeBytes === undefined ? undefined : formatBytes(status.sizeBytes)],
    ["Volume size", status.origin?.size],
    ["Access", status.origin?.accessMode],
    ["Class", status.origin?.storageClassName],
    ["Driver", status.driver],
    ["Handle", status.handle],
    ["Paused now", status.paused?.map((run) => `${run.namespace}/${run.instance}`).join(", ")],
    ["Labels", formatPairs(snapshot.labels)],
    ["Created", formatMoment(snapshot.createdAt, context.now)],
    ["Deletion", formatMoment(snapshot.deletionRequestedAt, context.now)],
  ]) + formatPart("Restored into", restored.map((v) => `${v.namespace}/${v.name}`).join("\n"));
}
