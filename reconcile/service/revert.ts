/** Returning a service to what it was: after a rollout, or a step of a gradual scale, that failed. @module */
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Instance } from "../../model/instance.ts";
import { hasFailedForGood } from "../../model/job.ts";
import { takesOverHost } from "../../model/privileged.ts";
import type { Service, ServiceSpec, ServiceStatus } from "../../model/service.ts";
import type { HistoryEntry, Store, Tx } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { missingFor, type Revision, revisionsOf, sameVersion } from "./revisions.ts";
import type { Rollout } from "./rollout.ts";

/** A return. */
export interface Revert {
  /** The generation that failed. */
  from: number;
  /** The scale to return to; absent: the last generation that was ready and differs is taken up again. */
  scale?: number;
  /** Why. */
  message: string;
}

/** With `update.rollback`: a rollout that is late returns to the last generation that was ready. */
export function planRollback(
  { spec, status: { revert }, generation }: Service,
  { rollout, status, trouble }: { rollout: Rollout; status: ServiceStatus; trouble?: Instance | undefined },
): Revert | undefined {
  if (!spec.update.rollback || !rollout.late) return undefined;
  // What a return made is not returned from, or it would go back and forth; what was ready once failed for
  // another reason.
  if (revert?.generation === generation || status.readyGenerations?.includes(generation)) return undefined;
  // It is read long after: nothing in it is true only now.
  // A job that failed is over: it was not waited for until the time was up.
  const cause = trouble && hasFailedForGood(trouble) ? causeOf(trouble) : undefined;
  const message = cause ?? addCause(`it did not become ready within ${spec.update.timeout}`, trouble);
  return { from: generation, message };
}

/**
 * What was wrong with an instance, with its name, whose log is kept when it goes; undefined where nothing is
 * known.
 */
function causeOf({ name, status: { lastFailure, message } }: Instance): string | undefined {
  const logs = lastFailure?.logs;
  const text = logs === undefined ? message ?? lastFailure?.message : `${lastFailure!.message}; see: ${logs}`;
  return text && `${name}: ${text}`;
}

/** What happened, and what was wrong with the instance that it happened for, where that is known. */
export function addCause(what: string, trouble: Instance | undefined): string {
  const cause = trouble && causeOf(trouble);
  return cause === undefined ? what : `${what}: ${cause}`;
}

/**
 * The generation that `rune rollback` returns to: of those that were ready, the latest before this one that
 * is different. The scale does not count: it follows the load, not the version.
 */
export function rollbackTarget(service: Service, history: HistoryEntry[]): Revision | undefined {
  return revisionsOf(service, history).find((past) => past.ready && !sameVersion(past.spec, service.spec));
}

/**
 * What a return writes; undefined when there is nothing to return to, or nothing without a person who may.
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
 * Whether a return would make root what is not: whoever wrote this generation need not have had the right to
 * that one, and nobody is there to be asked.
 */
function regainsHost({ spec }: Service, target: HistoryEntry): boolean {
  return takesOverHost(target.spec as ServiceSpec) && !takesOverHost(spec);
}

/** The spec of an earlier generation, with the scale of now. */
export function rolledBack(service: Service, target: HistoryEntry): ServiceSpec {
  return { ...target.spec as ServiceSpec, scale: service.spec.scale };
}

/** Writes the return, and says on the service that it happened. */
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
