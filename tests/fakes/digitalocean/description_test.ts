import assert from "node:assert/strict";
import { z } from "zod";
import { OPERATIONS as DRIVER_OPERATIONS } from "../../../drivers/digitalocean/operations.ts";
import { propertiesOf, readDescription, type Schema } from "./description.ts";
import { FakeDigitalOcean } from "./fake.ts";
import { type OperationId, OPERATIONS } from "./operations.ts";
import { ANSWERS, BODIES, queryOf } from "./wire.ts";

const description = await readDescription();
const ignore = description === undefined;

function find(id: string) {
  const found = description!.find((operation) => operation.id === id);
  assert.ok(found, `DigitalOcean describes no operation ${id}`);
  return found;
}

const schemaOf = (type: z.ZodType) => z.toJSONSchema(type, { io: "input" }) as Schema;
const namesOf = (schema: Schema | undefined) => schema ? [...propertiesOf(schema).keys()].sort() : [];
const ids = Object.keys(OPERATIONS) as OperationId[];

Deno.test({
  name: "the operations of the fake have the paths and scopes that DigitalOcean describes",
  ignore,
  fn() {
    for (const id of ids) {
      const { method, path, scopes } = find(id);
      assert.deepEqual(OPERATIONS[id], { method, path, scopes }, id);
    }
  },
});

Deno.test({
  name: "the operations of the driver have the paths and scopes that DigitalOcean describes",
  ignore,
  fn() {
    for (const [name, { method, path, scope }] of Object.entries(DRIVER_OPERATIONS)) {
      const found = description!.find((operation) => operation.method === method && operation.path === path);
      assert.ok(found, `DigitalOcean describes no operation ${name}`);
      assert.deepEqual([scope], found.scopes, name);
    }
  },
});

Deno.test({
  name: "the fake takes no request that DigitalOcean does not describe",
  ignore,
  fn() {
    for (const id of ids) {
      const { query, body } = find(id);
      for (const name of namesOf(schemaOf(queryOf(id)))) assert.ok(query.includes(name), `${id}: ${name}`);
      const own = BODIES[id];
      assert.equal(own === undefined, body === undefined, `${id}: has a body`);
      const known = namesOf(body);
      for (const name of namesOf(own && schemaOf(own))) assert.ok(known.includes(name), `${id}: ${name}`);
    }
  },
});

Deno.test({
  name: "the fake's forms of answers have the properties that DigitalOcean describes",
  ignore,
  fn() {
    for (const id of ids) {
      const form = ANSWERS[id];
      const status = { GET: 200, DELETE: 204, POST: 201 }[OPERATIONS[id].method];
      const described = find(id).answerOf(id === "volumeActions_post_byId" ? 202 : status);
      assert.deepEqual(namesOf(form && schemaOf(form)), namesOf(described), id);
    }
  },
});

Deno.test({
  name: "requests to the fake and its answers are as DigitalOcean describes them, for each operation",
  ignore,
  async fn() {
    await using fake = await FakeDigitalOcean.start();
    await exchange(fake);
    const failures = fake.log.flatMap((entry) => find(entry.op!).check(entry));
    assert.deepEqual(failures, []);
    const seen = new Set(fake.log.filter(({ status }) => status < 300).map(({ op }) => op));
    assert.deepEqual(ids.filter((id) => !seen.has(id)), [], "operations without an answer");
    const statuses = new Set(fake.log.map(({ status }) => status));
    for (const status of [401, 403, 404, 409, 422, 429, 500, 503]) {
      assert.ok(statuses.has(status), `${status}`);
    }
  },
});

Deno.test({
  name: "FakeDigitalOcean fails the test whose requests are not as DigitalOcean describes them",
  ignore,
  async fn() {
    const fake = await FakeDigitalOcean.start();
    await exchange(fake);
    const [entry] = fake.requests("volumes_create");
    entry!.body = { ...entry!.body as object, droplet: 1 };
    await assert.rejects(async () => await fake[Symbol.asyncDispose](), /droplet is unknown/);
  },
});

Deno.test({
  name: "check() finds what DigitalOcean does not describe, and what an answer lacks",
  ignore,
  async fn() {
    await using fake = await FakeDigitalOcean.start();
    await exchange(fake);
    const { check } = find("volumes_create");
    const entry = fake.requests("volumes_create").find(({ status }) => status === 201)!;
    const { volume } = entry.answer as { volume: Record<string, unknown> };
    const faults: [RegExp, object][] = [
      [/droplet is unknown/, { body: { ...entry.body as object, droplet: 1 } }],
      [/must have required property 'region'/, { body: { name: "a", size_gigabytes: 1 } }],
      [/body.*must be integer/, { body: { ...entry.body as object, size_gigabytes: "1" } }],
      [/answer.volume.region is missing/, { answer: { volume: { ...volume, region: undefined } } }],
      [/answer.volume.region.slug is missing/, { answer: { volume: { ...volume, region: {} } } }],
      [/answer.volume.colour is unknown/, { answer: { volume: { ...volume, colour: "red" } } }],
      [/answer.volume is missing/, { answer: {} }],
      [/droplet_ids must be array/, { answer: { volume: { ...volume, droplet_ids: "none" } } }],
      [/pageSize: no such parameter/, { query: "?pageSize=3" }],
    ];
    for (const [expected, change] of faults) {
      assert.match(check({ ...entry, ...change }).join("\n"), expected);
    }
  },
});

/** Uses every operation, and meets each kind of refusal. */
async function exchange(fake: FakeDigitalOcean): Promise<void> {
  const token = fake.createToken("full");
  const send = async (method: string, path: string, body?: unknown, as = token) => {
    const response = await fetch(fake.url + path, {
      method,
      headers: { authorization: `Bearer ${as}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    for (const name of ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]) {
      assert.match(response.headers.get(name) ?? "", /^\d+$/, name);
    }
    const text = await response.text();
    return text === "" ? undefined : JSON.parse(text);
  };
  const droplet = fake.createDroplet("web-1");
  fake.createDroplet("gpu-1", { gpu: true });
  fake.createDroplet("off-1", { status: "off", region: "atl1" });
  const volume = {
    name: "data",
    size_gigabytes: 1,
    region: "nyc3",
    description: "one",
    filesystem_type: "ext4",
    filesystem_label: "data",
    tags: ["a"],
  };
  const { volume: { id } } = await send("POST", "/v2/volumes", volume);
  await send("POST", "/v2/volumes", volume);
  await send("POST", "/v2/volumes", { ...volume, name: "-" });
  for (let n = 0; n < 4; n++) await send("POST", "/v2/volumes", { ...volume, name: `data-${n}`, tags: null });
  for (const page of [1, 2, 3]) {
    await send("GET", `/v2/volumes?name=data&region=nyc3&per_page=200&page=${page}`);
    await send("GET", `/v2/volumes?page=${page}`);
  }
  await send("GET", `/v2/volumes/${id}`);
  const path = `/v2/volumes/${id}`;
  for (
    const body of [
      { type: "attach", droplet_id: droplet, region: "nyc3", tags: [] },
      { type: "resize", size_gigabytes: 2, region: "nyc3" },
      { type: "detach", droplet_id: droplet, region: "nyc3" },
    ]
  ) {
    const { action } = await send("POST", `${path}/actions`, body);
    for (let n = 0; n < 2; n++) await send("GET", `/v2/actions/${action.id}`);
    await send("GET", `/v2/droplets/${droplet}`);
    await send("GET", path);
  }
  const { snapshot } = await send("POST", `${path}/snapshots`, { name: "s", tags: ["a"] });
  await send("GET", `${path}/snapshots?per_page=1`);
  await send("GET", `/v2/volumes/snapshots/${snapshot.id}`);
  await send("POST", "/v2/volumes", { ...volume, name: "restored", snapshot_id: snapshot.id });
  await send("DELETE", `/v2/volumes/snapshots/${snapshot.id}`);
  await send("GET", `/v2/volumes/snapshots/${snapshot.id}`);
  for (const name of ["web-1", "off-1"]) await send("GET", `/v2/droplets?name=${name}`);
  await send("GET", "/v2/droplets?type=gpus");
  await send("DELETE", path);
  await send("DELETE", path);
  await send("GET", "/v2/volumes", undefined, "dop_v1_none");
  await send("GET", "/v2/volumes", undefined, fake.createToken([]));
  for (const status of [429, 500, 503] as const) {
    fake.setFault({ op: "volumes_list" }, { status });
    await send("GET", "/v2/volumes");
  }
}
