/**
 * Hides resources from callers. Existence and names are visible only to callers who may list the kind in its
 * namespace.
 * @module
 */
import type { RuleResource } from "../../model/identity.ts";
import { type AnyResource, describeKey, type Kind, KINDS } from "../../model/resource.ts";
import type { Principal } from "./principal.ts";
import { maskSecrets } from "./secret_parameters.ts";

/** The caller who gets the answer. */
export type Viewer = Pick<Principal, "may">;

/** Whether the viewer may see which resources of a kind a namespace has. */
export function maySee(viewer: Viewer, kind: Kind, namespace: string): boolean {
  return viewer.may({ resource: KINDS[kind].plural as RuleResource, verb: "list", namespace });
}

/** The name of a resource in a message: `service shop/web`, or `a service that you may not see`. */
export function nameTo(viewer: Viewer, kind: Kind, key: { namespace: string; name: string }): string {
  return maySee(viewer, kind, key.namespace)
    ? `${kind} ${describeKey(key)}`
    : `a ${kind} that you may not see`;
}

/** The resources that the viewer may see. */
export function seenBy<R extends { namespace: string }>(viewer: Viewer, kind: Kind, resources: R[]): R[] {
  return resources.filter(({ namespace }) => maySee(viewer, kind, namespace));
}

/**
 * The daemon's warnings for a viewer. Backup warnings name volumes of any namespace, so only callers who may
 * make backups see them; others learn only that there are some.
 */
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
      : ["the scheduled backup fails: rune status says why to users who may make backups"],
  ];
}

/** Replaces the name of an instance that the viewer may not see. */
const HIDDEN = "(not yours to see)";

/**
 * A resource as the viewer may see it. Secrets in storage parameters are hidden from everybody. Users of a
 * volume in another namespace are hidden unless the viewer may see that namespace.
 */
export function shownTo<R extends AnyResource>(viewer: Viewer, stored: R): R {
  const resource = maskSecrets(stored);
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
