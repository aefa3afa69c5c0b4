import assert from "node:assert/strict";
import { describeCreated } from "./listing.ts";
import { describeOwner } from "./names.ts";
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
