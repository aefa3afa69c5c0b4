import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

const PLACE = { node: "node", region: "nyc3" };

Deno.test("attach() attaches a volume to the droplet of the node, once", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, droplet, cloud: { attachments } } = world;
  const id = await world.createVolume("data");
  for (let i = 0; i < 2; i++) {
    assert.deepEqual((await attachments.attach(id, { ...asker, ...PLACE })).droplet_ids, [droplet]);
  }
  assert.equal(fake.requests("volumeActions_post_byId").length, 1);
});

Deno.test("attach() attaches five volumes at once without a refusal", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { attachments } } = world;
  const ids = await Promise.all(["a", "b", "c", "d", "e"].map(world.createVolume));
  await Promise.all(ids.map((id) => attachments.attach(id, { ...asker, ...PLACE })));
  assert.ok(fake.requests("volumeActions_post_byId").every(({ status }) => status === 202));
});

Deno.test("attach() waits while the droplet is busy with something else", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, droplet, cloud: { attachments } } = world;
  const id = await world.createVolume("data");
  fake.changeDroplet(droplet, { pendingRefusals: 3 });
  await attachments.attach(id, { ...asker, ...PLACE });
  assert.equal(fake.requests("volumeActions_post_byId").length, 4);
});

Deno.test("attach() takes a volume from a droplet that is gone", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { attachments } } = world;
  const id = await world.createVolume("data");
  await attachments.attach(id, { ...asker, ...PLACE });
  const rebuilt = await fake.rebuildDroplet("node", { leaveAttached: true, pendingRefusals: 2 });
  const attached = await world.restart().attach({ ...world.context("data"), handle: id });
  assert.equal(attached, undefined);
  assert.deepEqual(fake.volumes[0]!.dropletIds, [rebuilt]);
});

Deno.test("attach() never takes a volume from a droplet that exists, even if it is off", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { attachments } } = world;
  const id = await world.createVolume("data");
  for (const status of ["active", "off", "archive"] as const) {
    const other = fake.createDroplet(`other-${status}`, { status });
    await fake.attachVolume(id, other);
    await assert.rejects(attachments.attach(id, { ...asker, ...PLACE }), (error) => {
      assert.ok(error instanceof RuneError);
      assert.deepEqual([error.code, error.permanent], ["failed_precondition", false]);
      assert.match(error.message, new RegExp(`is attached to droplet other-${status} \\(${other}\\)`));
      return true;
    });
    assert.deepEqual(fake.volumes[0]!.dropletIds, [other]);
  }
  assert.deepEqual(fake.requests("volumeActions_post_byId"), []);
});

Deno.test("attach() believes that a droplet is gone only if it is unknown twice", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { attachments } } = world;
  const id = await world.createVolume("data");
  await fake.attachVolume(id, fake.createDroplet("other"));
  fake.setFault({ op: "droplets_get" }, { status: 404, message: "not found" });
  await assert.rejects(attachments.attach(id, { ...asker, ...PLACE }), { code: "failed_precondition" });
  assert.deepEqual(fake.requests("volumeActions_post_byId"), []);
});

Deno.test("attach() names both regions if the droplet or the volume is elsewhere, before it asks", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, droplet, cloud: { attachments } } = world;
  const id = await world.createVolume("data");
  const { id: far } = await fake.createVolume({ name: "far", sizeGb: 1, region: "fra1" });
  await assert.rejects(attachments.attach(id, { ...asker, node: "node", region: "fra1" }), {
    permanent: true,
    message: "dovolume: region: expected fra1, the droplet node is in nyc3",
  });
  await assert.rejects(attachments.attach(far, { ...asker, ...PLACE }), {
    permanent: true,
    message: "dovolume: region: expected nyc3, the volume far is in fra1",
  });
  assert.deepEqual(fake.requests("volumeActions_post_byId"), []);
  assert.ok(droplet);
});

Deno.test("attach() says that the action errored, in the guide's words", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { attachments } } = world;
  const id = await world.createVolume("data");
  fake.setFault({ op: "volumeActions_post_byId", type: "attach" }, { action: "errored" });
  await assert.rejects(attachments.attach(id, { ...asker, ...PLACE }), (error) => {
    assert.ok(error instanceof RuneError);
    assert.match(error.message, /^dovolume: action \d+ \(attach\) errored$/);
    return error.code === "unavailable";
  });
});

Deno.test("attach() looks at the volume when an action errored: it may be attached all the same", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, droplet, cloud: { attachments } } = world;
  const id = await world.createVolume("data");
  fake.setFault({ op: "volumeActions_post_byId", type: "attach" }, { erroredButDone: true });
  assert.deepEqual((await attachments.attach(id, { ...asker, ...PLACE })).droplet_ids, [droplet]);
});

Deno.test("attach() finds out that this is another droplet by now, if no metadata service tells", async () => {
  await using world = await createCloudWorld({ metadataUrl: "http://127.0.0.1:1" });
  const { fake, asker, cloud: { attachments } } = world;
  const [first, second] = [await world.createVolume("first"), await world.createVolume("second")];
  await attachments.attach(first, { ...asker, ...PLACE });
  const rebuilt = await fake.rebuildDroplet("node");
  await assert.rejects(attachments.attach(second, { ...asker, ...PLACE }), { permanent: false });
  assert.deepEqual((await attachments.attach(second, { ...asker, ...PLACE })).droplet_ids, [rebuilt]);
});

Deno.test("detach() detaches from this droplet and from those that are gone, and from no other", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, droplet, cloud: { attachments, reader } } = world;
  const id = await world.createVolume("data");
  const other = fake.createDroplet("other");
  for (const [holder, left] of [[droplet, []], [4711, []], [other, [other]]] as const) {
    await fake.attachVolume(id, holder);
    await attachments.detach(await reader.read(id, asker), { ...asker, node: "node", isHere: false });
    assert.deepEqual(fake.volumes[0]!.dropletIds, left);
  }
});

Deno.test("detach() says at once that another droplet has a volume whose device is here", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, cloud: { attachments, reader } } = world;
  const id = await world.createVolume("data");
  const other = fake.createDroplet("other");
  await fake.attachVolume(id, other);
  const volume = await reader.read(id, asker);
  await assert.rejects(attachments.detach(volume, { ...asker, node: "node", isHere: true }), {
    ...{ code: "failed_precondition", permanent: false },
    message: `dovolume: volume data is attached to droplet other (${other})`,
  });
  assert.deepEqual(fake.volumes[0]!.dropletIds, [other]);
});
