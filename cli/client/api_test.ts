import assert from "node:assert/strict";
import { type Change, listResources, watchResources } from "./api.ts";
import { createClient } from "./client.ts";
import { type Answer, aVolume, eventStream, problem, withDaemon } from "../daemon_fixture.ts";

const put = (name: string, revision: number, id?: number) => ({
  event: "put",
  id,
  data: { type: "put", revision, resource: aVolume(name) },
});
const sync = (id: number) => ({ event: "sync", id, data: { type: "sync", revision: id } });

/**
 * The events of a watch and the requests that it made. `answers` are used in turn; the last one stays open
 * until enough events came.
 */
async function watchThrough(
  answers: (() => Response)[],
  count: number,
): Promise<{ told: string[]; asked: (string | null)[] }> {
  const asked: (string | null)[] = [];
  const told: string[] = [];
  const answer: Answer = (_, url) => {
    asked.push(url.searchParams.get("since"));
    return (answers[asked.length - 1] ?? (() => eventStream([], { hold: true })))();
  };
  await withDaemon(answer, async (server) => {
    const stop = new AbortController();
    const watch = watchResources(createClient(server), { kind: "volume", scope: {}, signal: stop.signal });
    for await (const change of watch as AsyncGenerator<Change<"volume">>) {
      told.push(change.type === "sync" ? "sync" : `${change.type} ${change.resource.name}`);
      if (told.length === count) stop.abort();
    }
  });
  return { told, asked };
}

Deno.test("watchResources() yields what exists, sync, and then changes", async () => {
  const { told, asked } = await watchThrough([
    () => eventStream([put("a", 1), sync(5), put("b", 6, 6)], { hold: true }),
  ], 3);
  assert.deepEqual(told, ["put a", "sync", "put b"]);
  assert.deepEqual(asked, [null]);
});

Deno.test("watchResources() resumes after the last revision when the connection ends", async () => {
  const { told, asked } = await watchThrough([
    () => eventStream([put("a", 1), sync(5), put("b", 6, 6)]),
    () => problem("unavailable", 503),
    () => eventStream([put("c", 7, 7)], { hold: true }),
  ], 4);
  assert.deepEqual(told, ["put a", "sync", "put b", "put c"]);
  assert.deepEqual(asked, [null, "6", "6"]);
});

Deno.test("watchResources() lists everything again after gone, and reports what is missing as deleted", async () => {
  const { told, asked } = await watchThrough([
    () => eventStream([put("a", 1), put("b", 2), sync(5)]),
    () => problem("gone", 410),
    () => eventStream([put("b", 2), put("c", 8), sync(9)], { hold: true }),
  ], 6);
  assert.deepEqual(told, ["put a", "put b", "sync", "put b", "put c", "delete a"]);
  assert.deepEqual(asked, [null, "5", null]);
});

Deno.test("watchResources() starts over when the connection ends before sync", async () => {
  const { told, asked } = await watchThrough([
    () => eventStream([put("a", 1)]),
    () => eventStream([put("b", 2), sync(3)], { hold: true }),
  ], 4);
  assert.deepEqual(told, ["put a", "put b", "delete a", "sync"]);
  assert.deepEqual(asked, [null, null]);
});

Deno.test("watchResources() fails at once when the first connection is refused", async () => {
  for (const code of ["unavailable", "permission_denied"]) {
    await assert.rejects(watchThrough([() => problem(code, 503)], 1), { code });
  }
});

Deno.test("listResources() follows the pages", async () => {
  const answer: Answer = (_, url) =>
    url.searchParams.get("continue") === "next"
      ? Response.json({ items: [aVolume("b")], revision: 1 })
      : Response.json({ items: [aVolume("a")], revision: 1, continue: "next" });
  await withDaemon(answer, async (server) => {
    const volumes = await listResources(createClient(server), "volume", { namespace: "default" });
    assert.deepEqual(volumes.map((v) => v.name), ["a", "b"]);
  });
});

Deno.test("listResources() refuses an answer that is not a list", async () => {
  await withDaemon(() => Response.json(null), async (server) => {
    await assert.rejects(listResources(createClient(server), "volume", {}), { code: "internal" });
  });
});
