import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { createClient } from "./client.ts";
import { createDroplets } from "./droplets.ts";
import { createMetadata } from "./metadata.ts";
import { type CloudWorld, createCloudWorld, SHORT_WAITS } from "./testing/cloud_world.ts";

function createFinder({ fake }: CloudWorld, metadataUrl = fake.metadataUrl) {
  const client = createClient({ apiUrl: fake.url, ...SHORT_WAITS });
  return createDroplets({ client, metadata: createMetadata(metadataUrl), ...SHORT_WAITS });
}

async function refuse(finding: Promise<unknown>): Promise<RuneError> {
  const error = await finding.then(() => assert.fail("found"), (error) => error);
  assert.ok(error instanceof RuneError);
  // A rebuild may be under way.
  assert.deepEqual([error.code, error.permanent], ["failed_precondition", false]);
  return error;
}

Deno.test("findOwn() finds the droplet with the name of the node, also one with a GPU", async () => {
  await using world = await createCloudWorld();
  const gpu = world.fake.createDroplet("gpu", { gpu: true });
  const droplets = createFinder(world);
  assert.equal((await droplets.findOwn("node", world.asker)).id, world.droplet);
  assert.equal((await droplets.findOwn("NODE", world.asker)).id, world.droplet);
  await world.fake.becomeDroplet(gpu);
  assert.equal((await createFinder(world).findOwn("gpu", world.asker)).id, gpu);
});

Deno.test("findOwn() asks once for many calls, until it was wrong", async () => {
  await using world = await createCloudWorld();
  const droplets = createFinder(world);
  for (let i = 0; i < 3; i++) await droplets.findOwn("node", world.asker);
  // One for each of the two lists.
  assert.equal(world.fake.requests("droplets_list").length, 2);
  droplets.forget();
  await droplets.findOwn("node", world.asker);
  assert.equal(world.fake.requests("droplets_list").length, 4);
});

Deno.test("findOwn() remembers nothing for another token", async () => {
  await using world = await createCloudWorld();
  const droplets = createFinder(world);
  await droplets.findOwn("node", world.asker);
  await assert.rejects(droplets.findOwn("node", { ...world.asker, token: "other" }), /refused the token/);
});

Deno.test("findOwn() names all droplets of one name", async () => {
  await using world = await createCloudWorld();
  const others = [world.fake.createDroplet("Node"), world.fake.createDroplet("node")];
  const { message, hint } = await refuse(createFinder(world).findOwn("node", world.asker));
  const ids = [world.droplet, ...others].join(", ");
  assert.equal(
    message,
    `dovolume: no DO droplet matches hostname "node": 3 do (${ids}); names must be unique in an account`,
  );
  assert.match(hint!, /when the old droplet is gone/);
});

Deno.test("findOwn() also sees a droplet with a GPU that has the name of another droplet", async () => {
  await using world = await createCloudWorld();
  const gpu = world.fake.createDroplet("node", { gpu: true });
  const { message } = await refuse(createFinder(world).findOwn("node", world.asker));
  assert.match(message, new RegExp(`2 do \\(${world.droplet}, ${gpu}\\)`));
});

Deno.test("findOwn() says in its hint what this machine is, if the name of the node is another", async () => {
  await using world = await createCloudWorld();
  const { message, hint } = await refuse(createFinder(world).findOwn("node.example.com", world.asker));
  assert.equal(message, 'dovolume: no DO droplet matches hostname "node.example.com"');
  assert.match(hint!, new RegExp(`droplet ${world.droplet} "node": set node.name to "node"`));
  const elsewhere = createFinder(world, "http://127.0.0.1:1");
  assert.match((await refuse(elsewhere.findOwn("other", world.asker))).hint!, /set node.name/);
});

Deno.test("findOwn() refuses a droplet that the metadata service denies, and lets the name decide if it is silent", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, droplet } = world;
  const elsewhere = fake.createDroplet("elsewhere");
  await fake.becomeDroplet(elsewhere);
  const { message, hint } = await refuse(createFinder(world).findOwn("node", asker));
  assert.equal(
    message,
    `dovolume: droplet "node" (${droplet}) of the token's account is not this machine, which is droplet ${elsewhere} "elsewhere"`,
  );
  assert.match(hint!, /a token of the account that this droplet is in; if it is, set node.name/);
  assert.equal((await createFinder(world, "http://127.0.0.1:1").findOwn("node", asker)).id, droplet);
});

Deno.test("assertAccount() believes no account that has only another droplet of this name", async () => {
  await using world = await createCloudWorld();
  const { fake, asker } = world;
  await createFinder(world).assertAccount("volume v", { ...asker, node: "node" });
  await fake.becomeDroplet(fake.createDroplet("elsewhere"));
  const { message } = await refuse(createFinder(world).assertAccount("volume v", { ...asker, node: "node" }));
  assert.match(message, /is not this machine/);
});

Deno.test("assertHere() refuses a volume that is attached to another droplet, or to none", async () => {
  await using world = await createCloudWorld();
  const { fake, asker, droplet } = world;
  const { id } = await fake.createVolume({ name: "data", sizeGb: 1 });
  const check = async (metadataUrl?: string) =>
    await createFinder(world, metadataUrl).assertHere(await world.cloud.reader.read(id, asker));
  assert.match((await refuse(check())).message, /is attached to no droplet, and this machine is/);
  await fake.attachVolume(id, 4711);
  assert.match((await refuse(check())).message, /is attached to droplet 4711, and this machine is/);
  await check("http://127.0.0.1:1");
  await fake.attachVolume(id, droplet);
  await check();
});

Deno.test("find() says that a droplet is gone only if it is unknown twice", async () => {
  await using world = await createCloudWorld();
  const droplets = createFinder(world);
  world.fake.setFault({ op: "droplets_get" }, { status: 404, message: "not found" });
  assert.equal((await droplets.find(world.droplet, world.asker))?.id, world.droplet);
  assert.equal(await droplets.find(4711, world.asker), undefined);
  world.fake.setFault({ op: "droplets_get", times: 9 }, { status: 500 });
  await assert.rejects(droplets.find(4711, world.asker), { code: "unavailable" });
});
