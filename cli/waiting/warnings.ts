/** Prints the latest warnings about services and volumes after a wait for them failed. @module */
import { oneLine } from "../../base/plain_text.ts";
import { formatAge } from "../../model/format.ts";
import { type Event, serviceOfInstance } from "../../model/event.ts";
import { listResources } from "../client/api.ts";
import type { Session } from "../client/command.ts";
import type { Settled } from "./settle.ts";
import type { Goal } from "./goal.ts";

/** Warnings per goal. */
const SHOWN = 3;

/** Whether an event is about the resource, or about an instance of it. */
export function isRelatedTo(
  resource: { kind: string; namespace: string; name: string },
  { namespace, spec: { object } }: Event,
): boolean {
  if (namespace !== resource.namespace) return false;
  if (object.kind === resource.kind) return object.name === resource.name;
  return resource.kind === "service" && object.kind === "instance" &&
    serviceOfInstance(object.name) === resource.name;
}

/** Whether an event is about this very resource, not about an earlier one with the same name. */
export function isAbout(
  resource: { kind: string; namespace: string; name: string; uid: string; createdAt: string },
  event: Event,
): boolean {
  if (!isRelatedTo(resource, event)) return false;
  const { object, lastAt } = event.spec;
  // Events of its removed instances count too: those came after it.
  return object.kind === resource.kind ? object.uid === resource.uid : lastAt >= resource.createdAt;
}

/**
 * The latest warnings about a goal, oldest first.
 *
 * @param known what was printed already: a warning that adds nothing is left out.
 */
export function latestWarnings(goal: Goal, events: Event[], known = ""): Event[] {
  const told = new Set<string>();
  return events.filter((event) => event.spec.type === "Warning" && isRelatedTo(goal, event))
    .sort((a, b) => b.resourceVersion - a.resourceVersion)
    .filter(({ spec: { message } }) => {
      // A service repeats the warnings of its instances, with the instance's name in front.
      const repeated = known.includes(message) || [...told].some((other) => message.includes(other));
      told.add(message);
      return !repeated;
    })
    .slice(0, SHOWN)
    .reverse();
}

/**
 * Prints warnings on standard error. If they cannot be fetched it prints nothing: they only explain another
 * failure.
 *
 * @param options.since the store's revision when the wait began; earlier warnings are old news.
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
