/** What a caller may be told of: existence and names are for those who may list the kind in the namespace. @module */
import type { RuleResource } from "../../model/identity.ts";
import { type AnyResource, describeKey, type Kind, KINDS } from "../../model/resource.ts";
import type { Principal } from "./principal.ts";

/** Who is told. */
export type Viewer = Pick<Principal, "may">;

/** Whether the viewer may know which resources of a kind a namespace has. */
export function maySee(viewer: Viewer, kind: Kind, namespace: string): boolean {
  return viewer.may({ resource: KINDS[kind].plural as RuleResource, verb: "list", namespace });
}

/** How a message names a resource: `service shop/web`, or that it is one which the viewer may not see. */
export function nameTo(viewer: Viewer, kind: Kind, key: { namespace: string; name: string }): string {
  return maySee(viewer, kind, key.namespace)
    ? `${kind} ${describeKey(key)}`
    : `a ${kind} that you may not see`;
}

/** The resources that the viewer may see. */
export function seenBy<R extends { namespace: string }>(viewer: Viewer, kind: Kind, resources: R[]): R[] {
  return resources.filter(({ namespace }) => maySee(viewer, kind, namespace));
}

/** The daemon's warnings. Those of backups name volumes of any namespace: whoever makes backups is told all, others that there are some. */
export function warningsFor(
  viewer: Viewer,
  { warnings, backupWarnings = [] }: { warnings: string[]; backupWarnings?: string[] },
): string[] {
  if (backupWarnings.length === 0) return warnings;
  const all = viewer.may({ resource: "backup", verb: "create", namespace: "" });
  return [
    ...warnings,
    ...all
      ? backupWarnings
      : ["the scheduled backup fails: whoever may make backups is told why by rune status"],
  ];
}

/** What stands for the name of an instance that the viewer may not see. */
const HIDDEN = "(not yours to see)";

/** A resource as it is shown to the viewer: who mounts it from another namespace is told to those who may see that one. */
export function shownTo<R extends AnyResource>(viewer: Viewer, resource: R): R {
  const hides = (namespace: string) =>
    namespace !== resource.namespace && !maySee(viewer, "instance", namespace);
  if (resource.kind === "volume") {
    const claim = resource.status.boundClaim;
    if (claim === undefined || !hides(claim.split("/")[0]!)) return resource;
    return { ...resource, status: { ...resource.status, boundClaim: HIDDEN } };
  }
  if (resource.kind === "snapshot" && resource.status.paused?.some((run) => hides(run.namespace))) {
    const paused = resource.status.paused.filter((run) => !hides(run.namespace));
    return { ...resource, status: { ...resource.status, paused } };
  }
  return resource;
}
