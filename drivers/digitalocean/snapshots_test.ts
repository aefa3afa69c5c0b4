import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { createCloudWorld, IMPATIENT } from "./testing/cloud_world.ts";

const REF = { namespace: "default", name: "before", uid: "0197d1c5-3d4f-7b1a-9f00-1c2d3e4f5a6b" };

Deno.test("take() takes one snapshot, and finds it again among many pages", async () => {
  await using world = await createCloudWorld({ pageSize: 2 });
  const { fake, asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  for (let i = 0; i < 5; i++) await snapshots.take(id, { ...REF, uid: crypto.randomUUID() }, asker);
  const taken = await snapshots.take(id, REF, asker);
  assert.equal((await snapshots.take(id, REF, asker)).id, taken.id);
  assert.equal(fake.snapshots.length, 6);
});

Deno.test("take() deletes a snapshot of which nobody knows when it was taken, and takes another", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  // The answer is lost, and so is every look at what became of the request.
  fake.setFault({ op: "volumeSnapshots_create" }, { reset: true, after: true });
  const blind = fake.setFault({ op: "volumeSnapshots_list", nth: 2, times: 99 }, { status: 503 });
  await assert.rejects(snapshots.take(id, REF, asker), { code: "unavailable" });
  const torn = [...fake.snapshots][0];
  assert.ok(torn);
  blind.remove();
  const taken = await snapshots.take(id, REF, asker);
  assert.notEqual(taken.id, torn.id);
  assert.deepEqual(fake.snapshots.map((snapshot) => snapshot.id), [taken.id]);
});

Deno.test("take() takes another snapshot if the notes of the first were lost with the data directory", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  const doubtful = await snapshots.take(id, REF, asker);
  const taken = await snapshots.take(id, { ...REF, retake: true }, asker);
  assert.notEqual(taken.id, doubtful.id);
  assert.deepEqual(fake.snapshots.map((snapshot) => snapshot.id), [taken.id]);
});

Deno.test("take() deletes at once what a lost answer left, where it can", async () => {
  await using world = await createCloudWorld({ waits: IMPATIENT });
  const { fake, asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  fake.setFault({ op: "volumeSnapshots_create" }, { hang: "after" });
  await assert.rejects(snapshots.take(id, REF, asker), { code: "unavailable" });
  assert.equal(fake.snapshots.length, 0);
});

Deno.test("take() keeps no snapshot if the writers were not still", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  const moved = new RuneError("conflict", "somebody wrote");
  const onCopied = () => Promise.reject(moved);
  await assert.rejects(snapshots.take(id, REF, { ...asker, onCopied }), { code: "conflict" });
  assert.equal(fake.snapshots.length, 0);
  // Not even if the deletion fails: then the next call deletes it.
  fake.setFault({ op: "volumeSnapshots_delete_byId", times: 3 }, { status: 500 });
  await assert.rejects(snapshots.take(id, REF, { ...asker, onCopied }));
  const torn = [...fake.snapshots][0];
  const { id: taken } = await snapshots.take(id, REF, asker);
  assert.notEqual(taken, torn!.id);
  assert.equal(fake.snapshots.length, 1);
});

Deno.test("take() sends its request at once, and not after a wait for its turn", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  fake.setFault({ op: "volumeSnapshots_create" }, { status: 429, retryAfter: 1 });
  await assert.rejects(snapshots.take(id, REF, asker), { code: "rate_limited" });
  assert.equal(fake.requests("volumeSnapshots_create").length, 1);
  assert.equal(typeof (await snapshots.take(id, REF, asker)).id, "string");
});

Deno.test("take() repeats DigitalOcean's words if it takes no more snapshots now", async () => {
  await using world = await createCloudWorld({ tenMinutes: true });
  const { asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  await snapshots.take(id, REF, asker);
  const again = snapshots.take(id, { ...REF, uid: crypto.randomUUID() }, asker);
  await assert.rejects(again, (error) => error instanceof RuneError && !error.permanent);
});

Deno.test("take() names the oldest snapshots if the volume has as many as DigitalOcean keeps", async () => {
  await using world = await createCloudWorld({ pageSize: 200 });
  const { fake, asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  const take = () => snapshots.take(id, { ...REF, uid: crypto.randomUUID() }, asker);
  for (let i = 0; i < 25; i++) await take();
  await assert.rejects(take(), (error) => {
    assert.ok(error instanceof RuneError);
    assert.deepEqual([error.code, error.permanent], ["failed_precondition", false]);
    assert.match(error.message, /refused: cannot take more than 25 .*\(it has 25 snapshots\)/);
    assert.ok(error.hint!.includes(fake.snapshots[0]!.id) && !error.hint!.includes(fake.snapshots[24]!.id));
    return true;
  });
});

Deno.test("delete() deletes a snapshot by its id, or by its name if the id was never known", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { snapshots } } = world;
  const id = await world.createVolume("data");
  const { id: handle } = await snapshots.take(id, REF, asker);
  for (let i = 0; i < 2; i++) await snapshots.delete({ ...REF, handle }, { ...asker, node: "node" });
  assert.equal(fake.snapshots.length, 0);
  await snapshots.take(id, REF, asker);
  for (let i = 0; i < 2; i++) await snapshots.delete(REF, { ...asker, node: "node", volumeId: id });
  assert.equal(fake.snapshots.length, 0);
  assert.ok(fake.log.every(({ path }) => path !== `/v2/snapshots/${handle}`));
});
