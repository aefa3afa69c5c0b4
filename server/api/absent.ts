/**
 * Warns of resources that a cast refers to and that do not exist. This is no error, since they may be cast
 * later. Admission refuses missing resources that must exist first: storage classes, and the snapshot of a
 * new volume.
 * @module
 */
import { missingData } from "../../reconcile/config/data.ts";
import { BODIES, isCastKind } from "../../model/declared.ts";
import { findNamed } from "../../model/reference.ts";
import { type AnyResource, describeKey, type Kind } from "../../model/resource.ts";
import type { Reader } from "../../store/store.ts";
import { maySee, type Viewer } from "../auth/visibility.ts";

/** The most warnings for one cast, which may have thousands of resources. */
const MOST = 20;

/**
 * Returns the warnings after a cast, one sentence each.
 *
 * @param resources the resources that the cast wrote, or would write.
 * @param options.state the stored resources.
 */
export function warnOfAbsent(
  resources: AnyResource[],
  { state, viewer }: { state: Reader; viewer: Viewer },
): string[] {
  const written = new Map(resources.map((r) => [`${r.kind} ${describeKey(r)}`, r]));
  const find = (kind: Kind, namespace: string, name: string) =>
    written.get(`${kind} ${describeKey({ namespace, name })}`) ?? state.get(kind, namespace, name);
  // The reference has only a key.
  const known = { ...state, get: find } as unknown as Reader;
  const warnings = resources.flatMap((resource) => {
    const { kind, namespace, spec } = resource;
    if (!isCastKind(kind)) return [];
    // A stopped service needs nothing yet; starting it warns again.
    if (resource.kind === "service" && resource.spec.scale === 0) return [];
    const what = `${kind} ${describeKey(resource)}`;
    const data = resource.kind === "service" ? missingData(known, resource.spec, namespace) : undefined;
    const absent = findNamed(BODIES[kind], spec, namespace).filter((ref) =>
      !(resource.kind === "service" && ["secret", "configmap"].includes(ref.kind)) &&
      ref.kind !== "storageClass" && ref.kind !== "snapshot" && ref.beside?.optional !== true &&
      maySee(viewer, ref.kind, ref.namespace) && !find(ref.kind, ref.namespace, ref.name)
    ).map((ref) => `${ref.kind} ${describeKey(ref)} does not exist; cast it`);
    const sentences = [...data === undefined ? [] : [data], ...new Set(absent)];
    return sentences.map((sentence) => `${what} waits: ${sentence}`);
  });
  const more = warnings.length - MOST;
  return more > 0 ? [...warnings.slice(0, MOST), `and ${more} more that wait`] : warnings;
}
