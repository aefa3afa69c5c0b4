import assert from "node:assert/strict";
import type { RunEvent } from "../runner.ts";
import { dockerHere, TEST_SOCKET } from "./test_image.ts";
import { makeDockerRoom } from "./test_room.ts";

/** A socket in front of the Engine that can be removed, as when Docker stops, and restored. */
async function detour() {
  const folder = await Deno.makeTempDir();
  const socket = `${folder}/docker.sock`;
  const open = new Set<Deno.UnixConn>();
  let listener: Deno.UnixListener | undefined;
  let accepting = Promise.resolve();

  async function pass(client: Deno.UnixConn): Promise<void> {
    const engine = await Deno.connect({ transport: "unix", path: TEST_SOCKET });
    for (const conn of [client, engine]) open.add(conn);
    await Promise.allSettled([
      client.readable.pipeTo(engine.writable),
      engine.readable.pipeTo(client.writable),
    ]);
  }
  async function accept(from: Deno.UnixListener): Promise<void> {
    const passing: Promise<void>[] = [];
    for await (const client of from) passing.push(pass(client));
    await Promise.allSettled(passing);
  }
  const detour = {
    socket,
    up() {
      listener = Deno.listen({ transport: "unix", path: socket });
      accepting = accept(listener);
    },
    async down() {
      listener?.close();
      listener = undefined;
      await Deno.remove(socket).catch(() => undefined);
      for (const conn of open) {
        try {
          conn.close();
        } catch {
          // The other side closed it.
        }
      }
      open.clear();
      await accepting;
    },
    async [Symbol.asyncDispose]() {
      await detour.down();
      await Deno.remove(folder, { recursive: true });
    },
  };
  return detour;
}

Deno.test({
  name:
    "events() outlives an outage: it is reported once, with a resync at once and within a second of the return",
  ignore: !dockerHere,
  sanitizeOps: true,
  sanitizeResources: true,
  sanitizeExit: true,
  async fn() {
    await using way = await detour();
    way.up();
    const lost = Promise.withResolvers<void>();
    let losses = 0;
    const logger = {
      warn() {
        losses++;
        lost.resolve();
      },
    };
    const room = await makeDockerRoom();
    const runner = room.reopen({ socket: way.socket, logger });
    const abort = new AbortController();
    const signal = AbortSignal.timeout(20_000);
    const events = runner.events(abort.signal)[Symbol.asyncIterator]();
    const next = async () => (await events.next()).value as RunEvent;
    const spec = room.shell("sleep 100");
    try {
      assert.deepEqual(await next(), { type: "resync" });
      const pending = next();
      await way.down();
      await lost.promise;
      assert.deepEqual(await pending, { type: "resync" }, "what was known may be over");
      const back = next();
      await assert.rejects(runner.inspect(spec, signal), { code: "unavailable" });
      way.up();
      const before = performance.now();
      assert.deepEqual(await back, { type: "resync" });
      assert.ok(performance.now() - before < 1000, "the return was noticed late");
      assert.equal(losses, 1);
      await runner.create(spec, signal);
      await runner.start(spec, signal);
      assert.deepEqual(await next(), {
        type: "changed",
        ref: { instanceUid: spec.instanceUid, run: 1 },
        namespace: spec.namespace,
        instance: spec.instance,
      });
    } finally {
      const end = events.next();
      abort.abort();
      while (!(await end).done && !(await events.next()).done);
      await room.cleanup();
    }
  },
});
