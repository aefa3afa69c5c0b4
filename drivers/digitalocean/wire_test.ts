import assert from "node:assert/strict";
import { describeOwner, parseOwner } from "./names.ts";
import { dropletSchema, snapshotSchema, volumeSchema } from "./wire.ts";

const long = "x".repeat(1 << 20);
const many = Array.from({ length: 1000 }, () => "nyc3");
const snapshot = {
  id: "s",
  name: "before",
  created_at: "2026-11-28T10:00:00Z",
  min_disk_size: 1,
  regions: ["nyc3"],
  resource_id: "v",
};
const volume = { id: "v", name: "data", size_gigabytes: 1, region: { slug: "nyc3" } };
const droplet = { id: 1, name: "web", status: "active", region: { slug: "nyc3" } };

Deno.test("answers of DigitalOcean have bounds, so that nobody fills the memory of the daemon", () => {
  const cases: [typeof snapshotSchema | typeof volumeSchema | typeof dropletSchema, object, object[]][] = [
    [snapshotSchema, snapshot, [
      { id: long },
      { name: long },
      { created_at: long },
      { regions: many },
      { regions: [long] },
      { resource_id: long },
    ]],
    [volumeSchema, volume, [
      { id: long },
      { name: long },
      { region: { slug: long } },
      { created_at: long },
      { droplet_ids: many.map((_, i) => i) },
    ]],
    [dropletSchema, droplet, [{ name: long }, { status: long }, { region: { slug: long } }]],
  ];
  for (const [schema, good, changes] of cases) {
    assert.ok(schema.safeParse(good).success);
    for (const change of changes) {
      assert.ok(!schema.safeParse({ ...good, ...change }).success, Object.keys(change)[0]);
    }
  }
});

Deno.test("a description of any length leaves the volume readable, and what Rune wrote is read whole", () => {
  const of = (description: string) => volumeSchema.parse({ ...volume, description }).description;
  assert.equal(of(long).length, 1024);
  const [installation, name] = ["i".repeat(253), "n".repeat(253)];
  const owner = { installation, namespace: name, name, uid: crypto.randomUUID() };
  assert.deepEqual(parseOwner(of(describeOwner(owner))), owner);
});
