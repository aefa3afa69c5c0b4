import assert from "node:assert/strict";
import { FakeDigitalOcean, type FakeOptions } from "./fake.ts";

/** The parts of answers that the tests read. */
interface Said {
  volume: { id: string; name: string; droplet_ids: number[] | null; size_gigabytes: number };
  volumes: Said["volume"][];
  action: { id: number; status: string; completed_at: string | null };
  snapshot: { id: string; min_disk_size: number };
  droplets: { id: number; name: string }[];
  droplet: { volume_ids: string[] };
  meta: { total: number };
  links: { pages?: Record<string, string> };
  message: string;
}

async function start(options?: FakeOptions) {
  const fake = await FakeDigitalOcean.start(options);
  const token = fake.createToken("full");
  // Deno sends a request again if a connection that it uses again is closed without an answer.
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const send = async (method: string, path: string, body?: unknown, as = token) => {
    const response = await fetch(fake.url + path, {
      client,
      method,
      headers: {
        authorization: `Bearer ${as}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      said: (text === "" ? {} : JSON.parse(text)) as Said,
    };
  };
  const create = async (name: string) => {
    const body = { name, size_gigabytes: 1, region: "nyc3" };
    return (await send("POST", "/v2/volumes", body)).said.volume.id;
  };
  const act = async (id: string, body: unknown) => await send("POST", `/v2/volumes/${id}/actions`, body);
  const readVolume = async (id: string) => (await send("GET", `/v2/volumes/${id}`)).said.volume;
  const readAction = async (id: number) => (await send("GET", `/v2/actions/${id}`)).said.action;
  return {
    ...{ fake, send, create, act, readVolume, readAction },
    async [Symbol.asyncDispose]() {
      client.close();
      await fake[Symbol.asyncDispose]();
    },
  };
}

Deno.test("FakeDigitalOcean creates, grows, lists and deletes volumes", async () => {
  await using api = await start();
  const id = await api.create("one");
  assert.equal(
    (await api.send("POST", "/v2/volumes", { name: "one", size_gigabytes: 1, region: "nyc3" })).status,
    409,
  );
  assert.equal(
    (await api.send("POST", "/v2/volumes", { name: "-", size_gigabytes: 1, region: "nyc3" })).status,
    422,
  );
  for (const name of ["two", "three"]) await api.create(name);
  const first = (await api.send("GET", "/v2/volumes?per_page=200")).said;
  assert.deepEqual([first.volumes.length, first.meta.total, !!first.links.pages?.next], [2, 3, true]);
  assert.equal((await api.send("GET", "/v2/volumes?page=2")).said.volumes.length, 1);
  assert.equal((await api.send("GET", "/v2/volumes?name=two&region=nyc3")).said.volumes.length, 1);
  const { said: { action } } = await api.act(id, { type: "resize", size_gigabytes: 3 });
  assert.equal(action.status, "in-progress");
  assert.equal((await api.act(id, { type: "resize", size_gigabytes: 4 })).status, 422);
  assert.equal((await api.readAction(action.id)).status, "completed");
  assert.equal((await api.readVolume(id)).size_gigabytes, 3);
  assert.equal((await api.act(id, { type: "resize", size_gigabytes: 3 })).status, 422);
  assert.equal((await api.send("DELETE", `/v2/volumes/${id}`)).status, 204);
  assert.equal((await api.send("DELETE", `/v2/volumes/${id}`)).status, 404);
});

Deno.test("FakeDigitalOcean attaches a volume to one droplet of its region", async () => {
  await using api = await start();
  const [droplet, other] = [api.fake.createDroplet("web-1"), api.fake.createDroplet("web-2")];
  const far = api.fake.createDroplet("far", { region: "fra1" });
  const [id, second] = [await api.create("one"), await api.create("two")];
  const attach = (droplet_id: number) => ({ type: "attach", droplet_id });
  assert.equal((await api.act(id, attach(far))).status, 422);
  assert.equal((await api.act(id, attach(99))).status, 404);
  const { said: { action } } = await api.act(id, attach(droplet));
  assert.equal((await api.act(second, attach(droplet))).said.message, "Droplet already has a pending event.");
  assert.equal((await api.readAction(action.id)).status, "completed");
  assert.deepEqual((await api.readVolume(id)).droplet_ids, [droplet]);
  assert.deepEqual((await api.send("GET", `/v2/droplets/${droplet}`)).said.droplet.volume_ids, [id]);
  assert.equal((await api.act(id, attach(other))).said.message, "This volume is already attached.");
  assert.equal((await api.send("DELETE", `/v2/volumes/${id}`)).status, 409);
  assert.equal(
    (await api.act(id, { type: "detach", droplet_id: other })).said.message,
    "Attachment not found",
  );
  const detached = await api.act(id, { type: "detach", droplet_id: droplet });
  await api.readAction(detached.said.action.id);
  await api.readAction(detached.said.action.id);
  assert.equal((await api.readVolume(id)).droplet_ids?.length ?? 0, 0);
});

Deno.test("FakeDigitalOcean attaches at most 15 volumes to a droplet, and takes at most 25 snapshots", async () => {
  await using api = await start();
  const droplet = api.fake.createDroplet("web-1");
  for (let n = 0; n < 15; n++) await api.fake.attachVolume(await api.create(`v${n}`), droplet);
  const id = await api.create("last");
  const refused = await api.act(id, { type: "attach", droplet_id: droplet });
  assert.match(refused.said.message, /more than 15 volumes/);
  const take = (n: number) => api.send("POST", `/v2/volumes/${id}/snapshots`, { name: `s${n}` });
  for (let n = 0; n < 25; n++) assert.equal((await take(n)).status, 201);
  assert.equal((await take(25)).status, 422);
});

Deno.test("FakeDigitalOcean fails the actions of a droplet that is destroyed", async () => {
  await using api = await start();
  const droplet = api.fake.createDroplet("web-1");
  const id = await api.create("one");
  const { said: { action } } = await api.act(id, { type: "attach", droplet_id: droplet });
  await api.fake.destroyDroplet(droplet);
  assert.equal((await api.readAction(action.id)).status, "errored");
  assert.deepEqual(api.fake.volumes[0]!.dropletIds, []);
});

Deno.test("FakeDigitalOcean ends an action that nobody looks at", async () => {
  await using api = await start({ actionMs: 0 });
  const droplet = api.fake.createDroplet("web-1");
  const id = await api.create("one");
  await api.act(id, { type: "attach", droplet_id: droplet });
  assert.deepEqual((await api.readVolume(id)).droplet_ids, [droplet]);
});

Deno.test("FakeDigitalOcean takes snapshots and creates volumes of their size", async () => {
  const clock = { ms: Date.now() };
  await using api = await start({ tenMinutes: true, now: () => clock.ms });
  const id = await api.create("one");
  const take = (name: string) => api.send("POST", `/v2/volumes/${id}/snapshots`, { name });
  const { said: { snapshot } } = await take("s1");
  assert.equal((await take("s2")).status, 422);
  clock.ms += 600_000;
  assert.equal((await take("s1")).status, 409);
  assert.equal((await take("s2")).status, 201);
  const body = { name: "copy", size_gigabytes: 9, region: "nyc3", snapshot_id: snapshot.id };
  assert.equal((await api.send("POST", "/v2/volumes", { ...body, region: "fra1" })).status, 422);
  assert.equal((await api.send("POST", "/v2/volumes", body)).said.volume.size_gigabytes, 1);
  assert.equal((await api.send("DELETE", `/v2/volumes/snapshots/${snapshot.id}`)).status, 204);
  assert.equal((await api.send("GET", `/v2/volumes/snapshots/${snapshot.id}`)).status, 404);
  assert.equal((await api.send("GET", `/v2/volumes/${id}/snapshots`)).said.meta.total, 1);
});

Deno.test("FakeDigitalOcean lists droplets by name in any case, and GPU droplets on request", async () => {
  await using api = await start();
  const droplet = api.fake.createDroplet("web-1");
  api.fake.createDroplet("web-1", { gpu: true });
  const countDroplets = async (query: string) =>
    (await api.send("GET", `/v2/droplets?${query}`)).said.droplets.length;
  assert.deepEqual([
    await countDroplets("name=WEB-1"),
    await countDroplets("name=web"),
    await countDroplets("type=gpus"),
  ], [1, 0, 1]);
  await api.fake.becomeDroplet(droplet);
  const hostname = await fetch(`${api.fake.metadataUrl}/metadata/v1/hostname`);
  assert.equal(await hostname.text(), "web-1");
  const rebuilt = await api.fake.rebuildDroplet("web-1");
  assert.notEqual(rebuilt, droplet);
  assert.equal(await (await fetch(`${api.fake.metadataUrl}/metadata/v1/id`)).text(), String(rebuilt));
});

Deno.test("FakeDigitalOcean asks for the scope of each operation, and refuses revoked tokens", async () => {
  await using api = await start();
  const token = api.fake.createToken(["block_storage:read"]);
  const list = async () => (await api.send("GET", "/v2/volumes", undefined, token)).status;
  assert.equal(await list(), 200);
  assert.equal((await api.send("GET", "/v2/droplets", undefined, token)).status, 403);
  api.fake.setScopes(token, []);
  assert.equal(await list(), 403);
  api.fake.revokeToken(token);
  assert.equal(await list(), 401);
  api.fake.setQuota(0);
  const refused = await api.send("POST", "/v2/volumes", { name: "a", size_gigabytes: 1, region: "nyc3" });
  assert.equal(refused.status, 403);
  assert.match(refused.said.message, /limit exceeded/);
});

Deno.test("FakeDigitalOcean carries out faults before and after the work", async () => {
  await using api = await start();
  const { fake } = api;
  fake.setFault({ op: "volumes_create" }, { status: 429, retryAfter: 7 });
  const limited = await api.send("POST", "/v2/volumes", { name: "a", size_gigabytes: 1, region: "nyc3" });
  assert.deepEqual([limited.status, limited.headers.get("retry-after")], [429, "7"]);
  const lost = fake.setFault({ op: "volumes_create", volume: "b" }, { reset: true, after: true });
  await api.create("a");
  assert.equal(lost.used, 0);
  await assert.rejects(api.create("b"), /fetch failed/);
  assert.deepEqual(fake.volumes.map(({ name }) => name), ["a", "b"]);
  for (const garbage of ["html", "truncated", "empty"] as const) {
    fake.setFault({ op: "volumes_list" }, { garbage });
    const response = await fetch(`${fake.url}/v2/volumes`);
    await assert.rejects(response.json());
  }
  const hanging = fake.setFault({ op: "volumes_create" }, { hang: "after" });
  const answer = api.create("c");
  await hanging.reached;
  assert.equal(fake.volumes.length, 3);
  hanging.release();
  assert.equal(await answer, fake.volumes[2]!.id);
  const late = fake.setFault({ op: "volumes_create" }, { late: true });
  await assert.rejects(api.create("d"), /fetch failed/);
  assert.equal(fake.volumes.length, 3);
  late.release();
  await late.awaitWork();
  assert.equal(fake.volumes.length, 4);
  fake.setFault({ op: "*", nth: 2 }, { status: 503 });
  assert.equal((await api.send("GET", "/v2/volumes")).status, 200);
  assert.equal((await api.send("GET", "/v2/volumes")).status, 503);
});

Deno.test("FakeDigitalOcean fails actions, and shows old states for some reads", async () => {
  await using api = await start();
  const { fake } = api;
  const droplet = fake.createDroplet("web-1", { pendingRefusals: 1 });
  const id = await api.create("one");
  const attach = { type: "attach", droplet_id: droplet };
  assert.match((await api.act(id, attach)).said.message, /pending event/);
  fake.setFault({ op: "volumeActions_post_byId", type: "attach" }, { action: "errored" });
  const runAttach = async () => {
    const { said: { action } } = await api.act(id, attach);
    await api.readAction(action.id);
    return (await api.readAction(action.id)).status;
  };
  assert.equal(await runAttach(), "errored");
  assert.deepEqual(fake.volumes[0]!.dropletIds, []);
  fake.setFault({ op: "volumeActions_post_byId", type: "attach" }, { erroredButDone: true });
  assert.equal(await runAttach(), "errored");
  assert.deepEqual(fake.volumes[0]!.dropletIds, [droplet]);
  await fake.attachVolume(id, undefined);
  fake.setFault({ op: "volumeActions_post_byId" }, { lag: 2 });
  assert.equal(await runAttach(), "completed");
  const countAttached = async () => (await api.readVolume(id)).droplet_ids?.length ?? 0;
  assert.deepEqual([await countAttached(), await countAttached(), await countAttached()], [0, 0, 1]);
  fake.setFault({ op: "volumes_create" }, { lag: 1 });
  const late = await api.create("late");
  assert.equal((await api.send("GET", `/v2/volumes/${late}`)).status, 404);
  assert.equal((await api.send("GET", `/v2/volumes/${late}`)).status, 200);
});

Deno.test("FakeDigitalOcean fails the test that sends what the API does not know", async () => {
  for (
    const [method, path, body] of [
      ["GET", "/v2/volumes?pageSize=3", undefined],
      ["POST", "/v2/volumes", { name: "a", size_gigabytes: 1, region: "nyc3", filesystemType: "ext4" }],
      ["GET", "/v2/kubernetes", undefined],
    ] as const
  ) {
    const api = await start();
    const { status } = await api.send(method, path, body);
    assert.equal(status, path.endsWith("kubernetes") ? 404 : 400);
    await assert.rejects(async () => await api[Symbol.asyncDispose]());
  }
});
