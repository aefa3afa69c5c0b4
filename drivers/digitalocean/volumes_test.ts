import assert from "node:assert/strict";
import { sleep } from "../../base/delay.ts";
import { createCloudWorld, IMPATIENT } from "./testing/cloud_world.ts";

const NEW = { name: "rune-a", region: "nyc3", sizeGb: 1, description: "rune node=n volume=d/a uid=u" };

Deno.test("create() finds a volume whose creation was never answered", async () => {
  await using world = await createCloudWorld({ waits: IMPATIENT });
  const { fake, asker, cloud: { volumes } } = world;
  fake.setFault({ op: "volumes_create" }, { hang: "after" });
  const volume = await volumes.create(NEW, asker);
  assert.deepEqual(fake.volumes.map(({ id }) => id), [volume.id]);
  assert.equal(fake.requests("volumes_create").length, 1);
  assert.equal((await volumes.create(NEW, asker)).id, volume.id);
});

Deno.test("create() finds a volume that lists show later, instead of creating another", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { volumes } } = world;
  fake.setFault({ op: "volumes_create" }, { lag: 2 });
  const { id } = await volumes.create(NEW, asker);
  assert.equal((await volumes.create(NEW, asker)).id, id);
  assert.equal(fake.volumes.length, 1);
});

Deno.test("create() creates one volume when two daemons do at once", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { volumes } } = world;
  const [one, two] = await Promise.all([volumes.create(NEW, asker), volumes.create(NEW, asker)]);
  assert.equal(one.id, two.id);
  assert.equal(fake.volumes.length, 1);
});

Deno.test("create() takes no volume of another region for its own", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { volumes } } = world;
  const far = await fake.createVolume({ name: NEW.name, sizeGb: 1, region: "fra1" });
  assert.notEqual((await volumes.create(NEW, asker)).id, far.id);
});

Deno.test("create() says that a limit of the account is reached, and creates nothing", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { volumes } } = world;
  fake.setQuota(0);
  await assert.rejects(volumes.create(NEW, asker), {
    code: "failed_precondition",
    permanent: false,
    message: /a limit of the account is reached/,
  });
  assert.equal(fake.volumes.length, 0);
});

Deno.test("grow() waits while the droplet is busy, and grows once", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { volumes, reader } } = world;
  const { id } = await volumes.create(NEW, asker);
  fake.setFault({ op: "volumeActions_post_byId" }, { status: 422, message: "Droplet has a pending event" });
  const grown = await volumes.grow(await reader.read(id, asker), 3, asker);
  assert.equal(grown.size_gigabytes, 3);
  assert.equal((await volumes.grow(grown, 2, asker)).size_gigabytes, 3);
  assert.equal(fake.requests("volumeActions_post_byId", "resize").length, 2);
});

Deno.test("read() believes that a volume is missing only after several looks", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { volumes, reader } } = world;
  fake.setFault({ op: "volumes_create" }, { lag: 3 });
  const { id } = await volumes.create(NEW, asker);
  assert.equal((await reader.read(id, asker)).id, id);
  await assert.rejects(reader.read("00000000-0000-0000-0000-000000000000", asker), {
    code: "not_found",
    permanent: true,
  });
});

Deno.test("delete() says that a volume is still attached, and does nothing twice", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, droplet, cloud: { volumes } } = world;
  const { id } = await volumes.create(NEW, asker);
  await fake.attachVolume(id, droplet);
  await assert.rejects(volumes.delete(id, asker), { code: "unavailable", message: /cannot be deleted yet/ });
  await fake.attachVolume(id, undefined);
  for (let i = 0; i < 2; i++) await volumes.delete(id, asker);
  assert.equal(fake.volumes.length, 0);
});

Deno.test("actions end at their limit", async () => {
  await using world = await createCloudWorld({ actionMs: 600_000 });
  const { fake, asker, cloud: { volumes, reader } } = world;
  const { id } = await volumes.create(NEW, asker);
  fake.setFault({ op: "volumeActions_post_byId" }, { action: { polls: 100_000 } });
  await assert.rejects(volumes.grow(await reader.read(id, asker), 2, asker), {
    code: "deadline_exceeded",
    message: /^dovolume: action \d+ \(resize\) has not ended after/,
  });
});

Deno.test("actions end with the signal of their call", async () => {
  await using world = await createCloudWorld({ actionMs: 600_000 });
  const { fake, asker: { token }, cloud: { volumes, reader } } = world;
  const { id } = await volumes.create(NEW, world.asker);
  const fault = fake.setFault({ op: "volumeActions_post_byId" }, { action: "never" });
  const stop = new AbortController();
  const volume = await reader.read(id, world.asker);
  const growth = volumes.grow(volume, 2, { token, signal: stop.signal });
  await fault.reached;
  await sleep(0);
  stop.abort();
  await assert.rejects(growth);
  assert.equal(fake.volumes[0]!.sizeGb, 1);
});
