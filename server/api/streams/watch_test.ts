import assert from "node:assert/strict";
import type { WatchEvent } from "../../../model/api.ts";
import { okJson, problemOf, service, type TestServer, volume, withServer } from "../server_fixture.ts";

interface Received {
  event?: string;
  id?: string;
  data: WatchEvent<{ name: string; spec: { scale: number } }>;
}

/** Reads a stream event by event. The end of the block closes it. */
function readEvents(answer: Response): { next(): Promise<Received | undefined> } & AsyncDisposable {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    async next() {
      for (;;) {
        const end = text.indexOf("\n\n");
        if (end < 0) {
          const { done, value } = await reader.read();
          if (done) return undefined;
          text += value;
          continue;
        }
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        if (block.startsWith(":")) continue;
        const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
        return { ...fields, data: JSON.parse(fields.data) };
      }
    },
    [Symbol.asyncDispose]: () => reader.cancel(),
  };
}

const open = async ({ send }: TestServer, query: string, headers = {}) =>
  readEvents(await send("GET", `/v1/namespaces/default/services?watch=true&${query}`, undefined, headers));

/** Type and name of the next events. */
async function take(events: { next(): Promise<Received | undefined> }, count: number): Promise<string[]> {
  const taken: string[] = [];
  for (let i = 0; i < count; i++) {
    const { data } = (await events.next())!;
    taken.push(data.type === "sync" ? "sync" : `${data.type} ${data.resource.name}`);
  }
  return taken;
}

Deno.test("a watch without since shows what exists, then sync, then each change once", () =>
  withServer(async (server) => {
    await okJson(server.cast([service("a"), service("b")]));
    await using events = await open(server, "");
    assert.deepEqual(await take(events, 3), ["put a", "put b", "sync"]);
    await okJson(server.cast([service("c"), volume("not-a-service")]));
    await okJson(server.send("DELETE", "/v1/namespaces/default/services/a"));
    assert.deepEqual(await take(events, 2), ["put c", "put a"]);
    await server.store.transact((tx) => tx.remove(tx.get("service", "default", "a")!));
    assert.deepEqual(await take(events, 1), ["delete a"]);
  }));

Deno.test("a watch resumes after a revision and repeats nothing before it", () =>
  withServer(async (server) => {
    const { revision } = await okJson(server.cast([service("a")]));
    await okJson(server.cast([service("b")]));
    await using events = await open(server, `since=${revision}`);
    const { event, id, data } = (await events.next())!;
    assert.equal(event, "put");
    assert.equal(data.type !== "sync" && data.resource.name, "b");
    assert.equal(Number(id), data.revision);
    await using again = await open(server, "", { "last-event-id": String(revision) });
    assert.deepEqual(await take(again, 1), ["put b"]);
  }));

Deno.test("a watch has ids from which a client can resume without loss, even in the middle of a revision", () =>
  withServer(async (server) => {
    const since = server.store.revision;
    await okJson(server.cast([service("a"), service("b"), service("c")]));
    await using events = await open(server, `since=${since}`);
    const cut = (await events.next())!;
    await using resumed = await open(server, `since=${cut.id}`);
    assert.deepEqual(await take(resumed, 3), ["put a", "put b", "put c"]);
    await events.next();
    const last = (await events.next())!;
    assert.equal(Number(last.id), last.data.revision);
  }));

Deno.test("a watch with a selector sends a resource that stops matching as delete, and no changes of others", () =>
  withServer(async (server) => {
    await okJson(server.cast([service("a", { labels: { app: "x" } }), service("b")]));
    for (const [i, since] of ["", "&since="].entries()) {
      const query = `labelSelector=app%3Dx${since}${since && server.store.revision}`;
      await using events = await open(server, query);
      if (!since) assert.deepEqual(await take(events, 2), ["put a", "sync"]);
      const pending = take(events, 2);
      await okJson(server.cast([service("b", { scale: i + 2 })]));
      await okJson(server.cast([service("a")]));
      await okJson(server.cast([service("a", { labels: { app: "x" } })]));
      assert.deepEqual(await pending, ["delete a", "put a"]);
    }
  }));

Deno.test("a watch that resumes from the past sends one delete for what may have matched before", () =>
  withServer(async (server) => {
    const { revision } = await okJson(server.cast([service("a", { labels: { app: "x" } })]));
    await okJson(server.cast([service("a"), service("new")]));
    await okJson(server.cast([service("a", { labels: { app: "x" } })]));
    await using events = await open(server, `labelSelector=app%3Dx&since=${revision}`);
    assert.deepEqual(await take(events, 2), ["delete a", "put a"]);
  }));

Deno.test("a watch of a revision that is not kept, or in the future, is refused with the oldest one", () =>
  withServer(async (server) => {
    const path = "/v1/services?watch=true&since=";
    const { detail } = await problemOf(server.send("GET", `${path}999999`), "gone");
    assert.match(detail, new RegExp(`oldest available is ${server.store.oldestRevision}`));
  }));

Deno.test("a watch ends when the daemon stops", () =>
  withServer(async (server) => {
    await using events = await open(server, "");
    assert.deepEqual(await take(events, 1), ["sync"]);
    server.shutdown.abort();
    assert.equal(await events.next(), undefined);
  }));
