import assert from "node:assert/strict";
import { describeOwner, parseOwner, snapshotNameOf, volumeNameOf } from "./names.ts";

/** What DigitalOcean says of names in fact; its documents allow more. */
const ALLOWED = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const OWNER = { installation: "web-1", namespace: "default", name: "data" };

Deno.test("volumeNameOf() gives every volume a name that DigitalOcean takes", () => {
  const long = "a".repeat(63);
  const names = ["data", "0", "UPPER_case.v2", "ends-", long, `${"b".repeat(44)}-${"c".repeat(18)}`];
  for (const namespace of ["default", long, "n"]) {
    for (const name of names) {
      const made = volumeNameOf({ ...OWNER, namespace, name });
      assert.match(made, ALLOWED);
      assert.doesNotMatch(made, /--/);
    }
  }
});

Deno.test("volumeNameOf() never gives two volumes one name", () => {
  const volumes = [
    OWNER,
    { ...OWNER, installation: "web-2" },
    { ...OWNER, namespace: "default-data", name: "x" },
    { ...OWNER, namespace: "default", name: "data-x" },
    { ...OWNER, name: "Data" },
    { ...OWNER, name: "a".repeat(63) },
    { ...OWNER, name: `${"a".repeat(62)}b` },
  ];
  assert.equal(new Set(volumes.map(volumeNameOf)).size, volumes.length);
});

Deno.test("volumeNameOf() gives a volume the name of always, since its data is found by it", () => {
  assert.equal(volumeNameOf(OWNER), "rune-default-data-c14e52ea");
});

Deno.test("snapshotNameOf() gives a name that DigitalOcean takes", () => {
  assert.match(snapshotNameOf({ uid: "0197d1c5-3d4f-7b1a-9f00-1c2d3e4f5a6b" }), ALLOWED);
});

Deno.test("parseOwner() reads what describeOwner() wrote, and nothing else", () => {
  const owner = { ...OWNER, uid: "u-1" };
  assert.deepEqual(parseOwner(describeOwner(owner)), owner);
  for (const other of ["", "rune", "rune node=a volume=b uid=c", ` ${describeOwner(owner)}`, "my photos"]) {
    assert.equal(parseOwner(other), undefined);
  }
});
