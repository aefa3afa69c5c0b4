/** Services that would wait for a volume for ever, because another one has it: judged when all of a set is written. @module */
import type { FieldIssue } from "../../model/error.ts";
import { describeKey } from "../../model/kinds.ts";
import type { Service } from "../../model/service.ts";
import { sharingIssues, VolumeUses } from "../../model/sharing.ts";
import type { Reader } from "../../store/store.ts";
import { nameTo, type Viewer } from "../auth/visibility.ts";

/** A service that a set has written, and what it was. */
export interface WrittenService {
  service: Service;
  before: Service | undefined;
  /** Index in the set. */
  index: number;
}

/**
 * What is wrong with the mounts of written services. What waited before may be changed in other ways, and be stopped.
 *
 * @param options.state with all of the set in it: who gives a volume up in the same set is not in the way.
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
