/**
 * Refuses services that would wait forever for a volume of another service. Checked after the whole set is
 * written.
 * @module
 */
import type { FieldIssue } from "../../model/error.ts";
import { describeKey } from "../../model/kinds.ts";
import type { Service } from "../../model/service.ts";
import { sharingIssues, VolumeUses } from "../../model/sharing.ts";
import type { Reader } from "../../store/store.ts";
import { nameTo, type Viewer } from "../auth/visibility.ts";

/** A service that a set wrote, and its earlier version. */
export interface WrittenService {
  service: Service;
  before: Service | undefined;
  /** Index in the set. */
  index: number;
}

/**
 * Checks the mounts of written services. A service that waited before may still be stopped, or changed in
 * other ways.
 *
 * @param options.state includes the whole set, so a service that releases a volume in the same set is no
 * conflict.
 */
export function checkSharing(
  written: WrittenService[],
  { state, viewer }: { state: Reader; viewer: Viewer },
): FieldIssue[] {
  if (!written.some(({ service }) => service.spec.volumes.length > 0)) return [];
  const uses = new VolumeUses(state.list("service").filter((s) => s.deletionRequestedAt === undefined));
  const order = new Map(written.map(({ service, index }) => [describeKey(service), index]));
  return written.flatMap(({ service, before, index }) =>
    sharingIssues(service, {
      uses,
      before,
      isLater: (other) => (order.get(describeKey(other)) ?? -1) > index,
      describe: (other) => nameTo(viewer, "service", other),
    }).map((issue) => ({ ...issue, resource: index }))
  );
}
