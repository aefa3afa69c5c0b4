/** Reverts a service after a failed rollout or a failed step of a gradual scale. @module */
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Instance } from "../../model/instance.ts";
import { hasFailedForGood } from "../../model/job.ts";
import { takesOverHost } from "../../model/privileged.ts";
import type { Service, ServiceSpec, ServiceStatus } from "../../model/service.ts";
import type { HistoryEntry, Store, Tx } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { missingFor, type Revision, revisionsOf, sameVersion } from "./revisions.ts";
import type { Rollout } from "./rollout.ts";

/** A revert that is due. */
export interface Revert {
  /** The generation that failed. */
  from: number;
  /** The scale to return to. If absent, the service returns to the last ready generation that differs. */
  scale?: number;
  /** Why the service is reverted. */
  message: string;
}

/** With `update.rollback`, plans a return to the last ready generation when a rollout is late. */
export function planRollback(
  { spec, status: { revert }, generation }: Service,
  { rollout, status, trouble }: { rollout: Rollout; status: ServiceStatus; trouble?: Instance | undefined },
): Revert | undefined {
  if (!spec.update.rollback || !rollout.late) return undefined;
  // A revert is not reverted, or the service would go back and forth. A generation that was ready once failed
  // for a reason outside its spec.
  if (revert?.generation === generation || status.readyGenerations?.includes(generation)) return undefined;
  // The message is read much later, so it contains nothing that is only true now.
  // A failed job is over before the timeout, so its own failure is the cause.
  const cause = trouble && hasFailedForGood(trouble) ? causeOf(trouble) : undefined;
  const message = cause ?? addCause(`it did not become ready within ${spec.update.timeout}`, trouble);
  return { from: generation, message };
}

/**
 * Describes what was wrong with an instance; undefined if nothing is known. The name in it leads to the log,
 * which outlives the instance.
 */
function causeOf({ name, status: { lastFailure, message } }: Instance): string | undefined {
  const logs = lastFailure?.logs;
  const text = logs === undefined ? message ?? lastFailure?.message : `${lastFailure!.message}; see: ${logs}`;
  return text && `${name}: ${text}`;
}

/** Appends the instance's failure, if known, to a message. */
export function addCause(what: string, trouble: Instance | undefined): string {
  const cause = trouble && causeOf(trouble);
  return cause === undefined ? what : `${what}: ${cause}`;
}

/**
 * The generation that `rune rollback` returns to: the latest earlier one that was ready and differs. The
 * scale is ignored because it follows the load, not the version.
 */
export function rollbackTarget(service: Service, history: HistoryEntry[]): Revision | undefined {
  return revisionsOf(service, history).find((past) => past.ready && !sameVersion(past.spec, service.spec));
}

/**
 * Resolves the spec that a revert writes. Undefined if there is no earlier generation, if it lacks something,
 * or if only a person may approve it.
 */
export async function resolveRevert(
  service: Service,
  { revert, store }: { revert: Revert; store: Store },
): Promise<{ spec: ServiceSpec; to: number; message: string } | undefined> {
  const { from, scale, message } = revert;
  if (scale !== undefined) return { spec: { ...service.spec, scale }, to: 0, message };
  const target = rollbackTarget(service, await store.history("service", service.namespace, service.name));
  if (!target || regainsHost(service, target)) return undefined;
  if (missingFor(target, { service, state: store }) !== undefined) return undefined;
  return {
    spec: rolledBack(service, target),
    to: target.generation,
    message: `generation ${from} was rolled back to ${target.generation}: ${message}`,
  };
}

/**
 * Whether a revert would grant root on the host that the current generation does not have. The author of the
 * current generation may not have had that right, and nobody can be asked here.
 */
function regainsHost({ spec }: Service, target: HistoryEntry): boolean {
  return takesOverHost(target.spec as ServiceSpec) && !takesOverHost(spec);
}

/** The spec of an earlier generation, with the current scale. */
export function rolledBack(service: Service, target: HistoryEntry): ServiceSpec {
  return { ...target.spec as ServiceSpec, scale: service.spec.scale };
}

/** Writes the reverted spec, and records the revert in the service's status and events. */
export function applyRevert(
  tx: Tx,
  service: Service,
  { from, spec, to, message }: { from: number; spec: ServiceSpec; to: number; message: string },
): void {
  const annotations = { ...service.annotations, [ANNOTATIONS.changedBy]: "rune" };
  const { generation } = tx.update(service, { spec, annotations });
  const after = tx.get("service", service.namespace, service.name)!;
  tx.update(after, { status: { ...after.status, revert: { from, to, generation, message } } });
  const reason = to === 0 ? "ScaleRolledBack" : "RolledBack";
  recordEvent(tx, { namespace: service.namespace, object: service, type: "Warning", reason, message });
}
