import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { describeCreated } from "./listing.ts";
import { describeOwner } from "./names.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";
import { volumeSchema } from "./wire.ts";

const OWNER = { installation: "web-1", namespace: "default", name: "data", uid: "u-1" };

const volume = (id: string, more: Record<string, unknown>) =>
  volumeSchema.parse({
    id,
    name: `rune-${id}`,
    size_gigabytes: 11,
    region: { slug: "nyc3" },
    droplet_ids: null,
    ...more,
  });

Deno.test("describeCreated() describes the volumes that Rune created, and leaves out those of everybody else", () => {
  const volumes = [
    volume("mine", { description: describeOwner(OWNER), created_at: "2026-11-01T00:00:00Z" }),
    volume("taken", { description: describeOwner({ ...OWNER, installation: "web-2" }), droplet_ids: [7] }),
    ...[null, "", "my photos", "rune volumes of mine", `${describeOwner(OWNER)} and more`]
      .map((description, i) => volume(`other-${i}`, { description })),
  ];
  const common = { region: "nyc3", sizeGb: 11 };
  assert.deepEqual(describeCreated(volumes), [
    {
      ...common,
      handle: "mine",
      name: "rune-mine",
      attached: false,
      createdAt: "2026-11-01T00:00:00Z",
      createdFor: OWNER,
    },
    {
      ...common,
      handle: "taken",
      name: "rune-taken",
      attached: true,
      createdFor: { ...OWNER, installation: "web-2" },
    },
  ]);
});

Deno.test("listVolumes() reads every page of all regions with the scope block_storage:read, and changes nothing", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context, token } = world;
  const handles = await Promise.all(
    ["a", "b", "c"].map(async (name) => (await driver.provision(context(name))).handle),
  );
  for (const region of ["nyc3", "fra1"]) await fake.createVolume({ name: "by-hand", sizeGb: 1, region });
  const description = describeOwner(OWNER);
  handles.push((await fake.createVolume({ name: "far", sizeGb: 1, region: "fra1", description })).id);
  fake.setScopes(token, ["block_storage:read"]);
  const before = fake.log.length;
  const listed = await driver.listVolumes(context("any"));
  assert.deepEqual(listed.map(({ handle }) => handle).sort(), handles.sort());
  const requests = fake.log.slice(before);
  assert.deepEqual(requests.map(({ method, path }) => `${method} ${path}`), Array(3).fill("GET /v2/volumes"));
});

Deno.test("listVolumes() fails with the reason if a page fails, and never with half a list", async () => {
  await using world = await createCloudWorld();
  const { fake, driver, context, token } = world;
  for (const name of ["a", "b", "c"]) await driver.provision(context(name));
  const refusal = async () => {
    const error = await driver.listVolumes(context("any")).then(() => undefined, (error) => error);
    assert.ok(error instanceof RuneError);
    assert.ok(!error.message.includes(token));
    return error.message;
  };
  fake.setFault({ op: "volumes_list", nth: 2, times: 99 }, { status: 503 });
  assert.match(await refusal(), /search for a volume failed: status 503/);
  fake.clearFaults();
  fake.setScopes(token, ["droplet:read"]);
  assert.match(await refusal(), /lacks the scope block_storage:read/);
  fake.revokeToken(token);
  assert.match(await refusal(), /refused the token/);
});
