import assert from "node:assert/strict";
import { problemOf } from "../server_fixture.ts";
import { type RunningServer, withRunner } from "./instance_fixture.ts";

const ns = "/v1/namespaces/default";

/** The events of a stream that ends, by their names. */
async function readEvents(
  { send }: RunningServer,
  path: string,
): Promise<[string, Record<string, unknown>][]> {
  const answer = await send("GET", `${ns}/${path}`);
  assert.match(answer.headers.get("content-type")!, /text\/event-stream/);
  return (await answer.text()).split("\n\n").flatMap((block) => {
    const name = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    return name === undefined || data === undefined ? [] : [[name, JSON.parse(data)]];
  });
}

/** Stores two instances that have printed a line each. */
async function print(server: RunningServer): Promise<void> {
  for (const ordinal of [0, 1]) {
    const { uid, status } = await server.addInstance(ordinal);
    const run = server.runs.get({ instanceUid: uid, run: status.run })!;
    for (const text of ["first", "last"]) {
      run.output.push({ stream: "stdout", text: `${text} of ${ordinal}`, time: new Date().toISOString() });
    }
  }
}

const lines = (events: [string, Record<string, unknown>][]) =>
  events.filter(([name]) => name === "line").map(([, { text }]) => text);

Deno.test("logs of a service are those of all its instances, and say first whose they are", () =>
  withRunner(async (server) => {
    await print(server);
    const events = await readEvents(server, "services/web/logs");
    assert.equal(events[0]![0], "sources");
    assert.match(JSON.stringify(events[0]![1]), /web-0.*web-1/);
    assert.deepEqual(lines(events).sort(), ["first of 0", "first of 1", "last of 0", "last of 1"]);
    assert.deepEqual(lines(await readEvents(server, "instances/web-1/logs?tail=1")), ["last of 1"]);
  }));

Deno.test("logs of what is not there are not found, and a time that is none is refused", () =>
  withRunner(async ({ send }) => {
    await problemOf(send("GET", `${ns}/services/absent/logs`), "not_found");
    for (const query of ["since=yesterday", "tail=-1", "follow=maybe", "colour=red"]) {
      await problemOf(send("GET", `${ns}/services/web/logs?${query}`), "invalid_argument");
    }
  }));
