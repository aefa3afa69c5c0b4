/** Events. A repeated event only increases a count, and each namespace keeps a limited number. @module */
import { shortDigest } from "./digest.ts";
import type { Kind } from "../model/resource.ts";
import type { Tx } from "../store/store.ts";

/** Events kept per namespace; the oldest are removed first. */
const MAX_EVENTS = 500;

/** Something that happened to a resource. */
export interface Happening {
  namespace: string;
  object: { kind: Kind; name: string; uid: string };
  type: "Normal" | "Warning";
  /** A short CamelCase word. */
  reason: string;
  message: string;
}

/** Writes an event in the caller's transaction. If the same event exists, increases its count instead. */
export function recordEvent(tx: Tx, happening: Happening): void {
  const { namespace, object, type, reason, message } = happening;
  const name = `${object.name}.${shortDigest([object.uid, type, reason, message])}`;
  const known = tx.get("event", namespace, name);
  if (known) {
    tx.update(known, { spec: { ...known.spec, count: known.spec.count + 1, lastAt: tx.now } });
    return;
  }
  const events = tx.list("event", namespace);
  if (events.length >= MAX_EVENTS) {
    const oldest = events.reduce((a, b) => a.resourceVersion <= b.resourceVersion ? a : b);
    tx.remove(oldest);
  }
  tx.create({
    kind: "event",
    namespace,
    name,
    spec: {
      object: { kind: object.kind, name: object.name, uid: object.uid },
      type,
      reason,
      message,
      count: 1,
      firstAt: tx.now,
      lastAt: tx.now,
    },
    status: {},
  });
}
