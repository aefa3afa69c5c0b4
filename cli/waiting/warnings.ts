/** The latest warnings about services and volumes, told when waiting for them was in vain. @module */
import { oneLine } from "../../base/plain_text.ts";
import { formatAge } from "../../model/format.ts";
import { type Event, serviceOfInstance } from "../../model/event.ts";
import { listResources } from "../client/api.ts";
import type { Session } from "../client/command.ts";
import type { Settled } from "./settle.ts";
import type { Goal } from "./goal.ts";

/** Warnings told of each goal. */
const SHOWN = 3;

/** Whether an event is about the resource; the instances of a service speak for it too. */
export function concerns(
  resource: { kind: string; namespace: string; name: string },
  { namespace, spec: { object } }: Event,
): boolean {
  if (namespace !== resource.namespace) return false;
  if (object.kind === resource.kind) return object.name === resource.name;
  return resource.kind === "service" && object.kind === "instance" &&
    serviceOfInstance(object.name) === resource.name;
}

/** Whether an event is about this very resource, not about another that had its name before. */
export function tellsOf(
  resource: { kind: string; namespace: string; name: string; uid: string; createdAt: string },
  event: Event,
): boolean {
  if (!concerns(resource, event)) return false;
  const { object, lastAt } = event.spec;
  // Of its instances those that are gone tell too: they came after it.
  return object.kind === resource.kind ? object.uid === resource.uid : lastAt >= resource.createdAt;
}

/**
 * The latest warnings about a goal, oldest first.
 *
 * @param known what was told already: a warning that says no more is left out.
 */
export function latestWarnings(goal: Goal, events: Event[], known = ""): Event[] {
  const told = new Set<string>();
  return events.filter((event) => event.spec.type === "Warning" && concerns(goal, event))
    .sort((a, b) => b.resourceVersion - a.resourceVersion)
    .filter(({ spec: { message } }) => {
      // What a service says of its instances repeats them, the instance's name before it.
      const repeated = known.includes(message) || [...told].some((other) => message.includes(other));
      told.add(message);
      return !repeated;
    })
    .slice(0, SHOWN)
    .reverse();
}

/**
 * Prints them on standard error. Says nothing when they cannot be had: they only explain another failure.
 *
 * @param options.since the store's revision when the wait began: what was warned of before is no news.
 */
export async function printWarnings(
  { terminal, client, paintErr }: Session,
  unsettled: Settled[],
  { since = 0 }: { since?: number } = {},
): Promise<void> {
  const events = new Map<string, Event[]>();
  for (const { goal: { namespace } } of unsettled) {
    if (events.has(namespace)) continue;
    const all = await listResources(client, "event", { namespace }).catch(() => []);
    events.set(namespace, all.filter(({ resourceVersion }) => resourceVersion > since));
  }
  for (const { goal, verdict } of unsettled) {
    for (const { spec } of latestWarnings(goal, events.get(goal.namespace) ?? [], verdict.text)) {
      const age = formatAge(Date.now() - Date.parse(spec.lastAt));
      const times = spec.count > 1 ? `, ${spec.count} times` : "";
      terminal.err(
        `${paintErr("yellow", "warning")} ${spec.object.kind}/${spec.object.name} ${spec.reason}: ` +
          `${oneLine(spec.message)} (${age} ago${times})\n`,
      );
    }
  }
}
