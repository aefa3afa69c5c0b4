import assert from "node:assert/strict";
import type { Event } from "../../model/event.ts";
import { aService } from "../daemon_fixture.ts";
import { isAbout, isRelatedTo, latestWarnings } from "./warnings.ts";

/** An event, of some revision. */
function anEvent(
  object: { kind: string; name: string },
  message: string,
  { resourceVersion = 1, ...more }: Partial<Event["spec"]> & { resourceVersion?: number } = {},
): Event {
  const at = "2026-01-31T12:00:00.000Z";
  return {
    ...aService("event"),
    kind: "event",
    resourceVersion,
    spec: {
      object: { ...object, uid: "u" },
      type: "Warning",
      reason: "R",
      message,
      count: 1,
      firstAt: at,
      lastAt: at,
      ...more,
    },
    status: {},
  };
}

const web = { kind: "service", namespace: "default", name: "web", generation: 1 } as const;
const at = (resourceVersion: number) => ({ resourceVersion });

Deno.test("isRelatedTo() counts events of a service's instances, and no others", () => {
  assert.ok(isRelatedTo(web, anEvent({ kind: "service", name: "web" }, "")));
  assert.ok(isRelatedTo(web, anEvent({ kind: "instance", name: "web-12" }, "")));
  assert.ok(isRelatedTo(web, anEvent({ kind: "instance", name: "web-1-next" }, "")));
  assert.ok(!isRelatedTo(web, anEvent({ kind: "instance", name: "web-api-0" }, "")));
  assert.ok(!isRelatedTo(web, anEvent({ kind: "volume", name: "web" }, "")));
  assert.ok(!isRelatedTo({ ...web, namespace: "prod" }, anEvent({ kind: "service", name: "web" }, "")));
});

Deno.test("latestWarnings() returns the last three, oldest first, without those already printed", () => {
  const instance = { kind: "instance", name: "web-0" };
  const events = [
    anEvent(instance, "fourth", at(4)),
    anEvent(instance, "first", at(1)),
    anEvent(instance, "second", at(2)),
    anEvent(instance, "third", at(3)),
    anEvent(instance, "known", at(5)),
    anEvent(instance, "fine", { type: "Normal", ...at(6) }),
  ];
  const told = latestWarnings(web, events, "it is known").map((e) => e.spec.message);
  assert.deepEqual(told, ["second", "third", "fourth"]);
});

Deno.test("latestWarnings() drops repetitions", () => {
  const events = [
    anEvent({ kind: "instance", name: "web-0" }, "it exited", at(2)),
    anEvent({ kind: "service", name: "web" }, "web-0: it exited", at(1)),
    anEvent({ kind: "instance", name: "web-0" }, "it exited", at(0)),
  ];
  assert.deepEqual(latestWarnings(web, events).map((e) => e.resourceVersion), [2]);
});

Deno.test("isAbout() ignores events of an earlier resource with the same name, and of its instances", () => {
  const resource = { ...aService("web"), uid: "u" };
  const event = (object: { kind: string; name: string }, uid: string, lastAt = resource.createdAt) => {
    const made = anEvent(object, "", { lastAt });
    return { ...made, spec: { ...made.spec, object: { ...made.spec.object, uid } } };
  };
  const [service, instance] = [{ kind: "service", name: "web" }, { kind: "instance", name: "web-0" }];
  assert.ok(isAbout(resource, event(service, "u")));
  assert.ok(!isAbout(resource, event(service, "before")));
  assert.ok(isAbout(resource, event(instance, "any")));
  assert.ok(!isAbout(resource, event(instance, "any", "2025-12-31T00:00:00.000Z")));
});
