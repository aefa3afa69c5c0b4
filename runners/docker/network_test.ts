import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { networkName } from "./labels.ts";
import { createNetworks } from "./network.ts";
import { makeRefusal, withFakeEngine } from "./test_engine.ts";
import { dockerHere } from "./test_image.ts";
import { type DockerRoom, makeDockerRoom } from "./test_room.ts";

const signal = () => AbortSignal.timeout(20_000);

function test(name: string, fn: (room: DockerRoom) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !dockerHere,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    fn: async () => {
      const room = await makeDockerRoom();
      try {
        await fn(room);
      } finally {
        await room.cleanup();
      }
    },
  });
}

async function networks(room: DockerRoom): Promise<string[]> {
  const filters = JSON.stringify({ label: [`rune.io/daemon=${room.daemonId}`] });
  const found = Object.values(await room.list(`/networks?filters=${encodeURIComponent(filters)}`));
  return found.map((network) => String(network.Name)).sort();
}

async function untilNetworks(room: DockerRoom, expected: string[]): Promise<void> {
  const limit = signal();
  while (!limit.aborted) {
    if (JSON.stringify(await networks(room)) === JSON.stringify(expected)) return;
  }
  assert.deepEqual(await networks(room), expected);
}

test("create() of many runs at once creates one network per namespace, and the last remove() removes it", async (room) => {
  const { runner } = room;
  const specs = ["a", "a", "a", "b"].map((namespace) => room.shell("exit 0", { namespace }));
  await Promise.all(specs.map((spec) => runner.create(spec, signal())));
  const [a, b] = [networkName("a", room.daemonId), networkName("b", room.daemonId)];
  assert.deepEqual(await networks(room), [a, b].sort());
  await runner.remove(specs[3]!, signal());
  await untilNetworks(room, [a]);
  await runner.remove(specs[0]!, signal());
  // A fresh daemon does not remember the other runs.
  const fresh = room.reopen();
  await fresh.remove(specs[1]!, signal());
  await fresh.create(room.shell("exit 0", { namespace: "b" }), signal());
  assert.deepEqual(await networks(room), [a, b].sort());
  await fresh.remove(specs[2]!, signal());
  await untilNetworks(room, [b]);
});

test("a rehearsal, and a create() that fails, leave no network behind", async (room) => {
  const { runner } = room;
  await runner.rehearse(room.shell("exit 0"), { covered: [], signal: signal() });
  await untilNetworks(room, []);
  const missing = room.shell("exit 0", { image: "rune-test/not-there:1" });
  await assert.rejects(runner.create(missing, signal()), { code: "not_found" });
  await untilNetworks(room, []);
});

test("replacing a run keeps the network of its namespace", async (room) => {
  const runner = room.reopen({ networkGraceMs: 60_000 });
  const spec = room.shell("exit 0");
  await runner.create(spec, signal());
  const name = networkName(spec.namespace, room.daemonId);
  const { Id } = await room.readRaw(`/networks/${name}`);
  await runner.remove(spec, signal());
  await runner.create({ ...spec, run: 2 }, signal());
  assert.equal((await room.readRaw(`/networks/${name}`)).Id, Id);
});

test("a duplicate network of a daemon that was killed while it created one is removed", async (room) => {
  const spec = room.shell("sleep 100");
  const name = networkName(spec.namespace, room.daemonId);
  const labels = { "rune.io/daemon": room.daemonId, "rune.io/namespace": spec.namespace };
  const ask = (Name: string) =>
    room.send("/networks/create", "POST", { Name, Driver: "bridge", Labels: labels });
  for (const left of [name, name, `${name}-addresses`, `${name}-addresses`]) await ask(left);
  await room.runner.create(spec, signal());
  assert.deepEqual(await networks(room), [name]);
  // Only now the Engine answers the earlier request.
  await ask(name);
  await assert.rejects(room.runner.start(spec, signal()));
  assert.equal((await room.runner.start(spec, signal())).state, "running");
  assert.deepEqual(await networks(room), [name]);
});

test("list() removes the networks of a daemon that died before it could", async (room) => {
  const [idle, used] = [room.shell("exit 0", { namespace: "idle" }), room.shell("exit 0")];
  // This daemon would remove a network only after the test.
  const dying = room.reopen({ networkGraceMs: 600_000 });
  for (const spec of [idle, used]) await dying.create(spec, signal());
  await dying.remove(idle, signal());
  assert.equal((await networks(room)).length, 2);
  assert.equal((await room.reopen().list(signal())).length, 1);
  await untilNetworks(room, [networkName(used.namespace, room.daemonId)]);
});

test("start() recreates a network that was removed by hand", async (room) => {
  const spec = room.shell("sleep 100");
  await room.runner.create(spec, signal());
  await room.send(`/networks/${networkName(spec.namespace, room.daemonId)}`, "DELETE");
  const started = await room.runner.start(spec, signal());
  assert.equal(started.state, "running");
  assert.ok(started.ip);
});

Deno.test("use() gives a hint if Docker has no addresses left, after one cleanup", async () => {
  const asked: string[] = [];
  await withFakeEngine(({ method, path }) => {
    asked.push(`${method} ${path}`);
    if (path.startsWith("/networks/rune-")) return makeRefusal(404, "network not found");
    if (method === "POST") return makeRefusal(400, "could not find an available address pool");
    return Response.json([]);
  }, async (engine) => {
    const networks = createNetworks(engine, "d");
    const use = networks.use("shop", { signal: signal(), make: () => Promise.resolve("made") });
    await assert.rejects(use, (error) => {
      assert.ok(error instanceof RuneError);
      assert.equal(error.code, "failed_precondition");
      assert.equal(error.permanent, false);
      assert.match(error.message, /address pool/);
      assert.match(error.hint!, /docker network prune/);
      return true;
    });
  });
  assert.deepEqual(asked.slice(2), ["POST /networks/create", "GET /networks", "GET /containers/json"]);
});

Deno.test("use() creates the network after a cleanup of leftover networks", async () => {
  let full = true;
  const removed: string[] = [];
  const made: unknown[] = [];
  await withFakeEngine(({ method, path, url, body }) => {
    if (method === "DELETE") {
      if (path.endsWith("-addresses")) return makeRefusal(404, "network not found");
      full = false;
      removed.push(path);
      return new Response(null, { status: 204 });
    }
    if (method === "POST") {
      if (full) return makeRefusal(500, "no address pool");
      made.push(body);
      return Response.json({ Id: "new" });
    }
    if (path === "/networks/new") {
      return Response.json({ IPAM: { Config: [{ Subnet: "10.9.0.0/16", Gateway: "10.9.0.1" }] } });
    }
    if (path === "/networks") {
      if (url.searchParams.get("filters")!.includes("shop")) return Response.json([]);
      return Response.json(
        ["old", "busy"].map((n) => ({ Id: n, Name: n, Labels: { "rune.io/namespace": n } })),
      );
    }
    if (path === "/containers/json") {
      return Response.json([{ Id: "c", State: "exited", Labels: { "rune.io/namespace": "busy" } }]);
    }
    return makeRefusal(404, "network not found");
  }, async (engine) => {
    const networks = createNetworks(engine, "d");
    const result = await networks.use("shop", { signal: signal(), make: () => Promise.resolve("made") });
    assert.equal(result, "made");
  });
  assert.deepEqual(removed, ["/networks/old", "/networks/new"]);
  assert.deepEqual((made[1] as { IPAM: unknown }).IPAM, { Config: [{ Subnet: "10.9.0.0/16" }] });
});
