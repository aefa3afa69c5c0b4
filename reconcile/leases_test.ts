import assert from "node:assert/strict";
import fc from "fast-check";
import type { LeaseHolder } from "../model/lease.ts";
import { describeHolders, holderWithin, withHolder } from "./leases.ts";

const holder = (instanceUid: string, mode: "rw" | "ro"): LeaseHolder => ({
  instanceUid,
  namespace: "default",
  instance: instanceUid,
  mode,
  since: "",
});

Deno.test("withHolder() allows many readers or one writer", () => {
  const table: [LeaseHolder[], LeaseHolder, boolean][] = [
    [[], holder("a", "rw"), true],
    [[holder("a", "ro")], holder("b", "ro"), true],
    [[holder("a", "ro")], holder("b", "rw"), false],
    [[holder("a", "rw")], holder("b", "ro"), false],
    [[holder("a", "rw")], holder("b", "rw"), false],
    [[holder("a", "rw")], holder("a", "rw"), true],
    [[holder("a", "ro")], holder("a", "rw"), true],
    [[holder("a", "ro"), holder("b", "ro")], holder("a", "rw"), false],
  ];
  for (const [holders, wanted, granted] of table) {
    assert.equal("holders" in withHolder(holders, wanted), granted, JSON.stringify([holders, wanted]));
  }
});

Deno.test("withHolder() never allows a writer beside another holder, in any order of acquires and releases", () => {
  const act = fc.record({
    uid: fc.constantFrom("a", "b", "c"),
    mode: fc.constantFrom("rw" as const, "ro" as const),
    release: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
    let holders: LeaseHolder[] = [];
    for (const { uid, mode, release } of acts) {
      if (release) holders = holders.filter((h) => h.instanceUid !== uid);
      else {
        const result = withHolder(holders, holder(uid, mode));
        if ("holders" in result) holders = result.holders;
      }
      const writers = holders.filter((h) => h.mode === "rw").length;
      assert.ok(writers === 0 || (writers === 1 && holders.length === 1), JSON.stringify(holders));
      assert.equal(new Set(holders.map((h) => h.instanceUid)).size, holders.length);
    }
  }));
});

Deno.test("holderWithin() names a holder only within its own namespace", () => {
  const holder = { instanceUid: "u", namespace: "far", instance: "hush-0", mode: "rw" as const, since: "" };
  assert.equal(holderWithin("far", holder), "far/hush-0");
  assert.equal(holderWithin("near", holder), "an instance of another namespace");
});

Deno.test("describeHolders() names holders of its own namespace, and mentions others once", () => {
  const holder = (namespace: string, instance: string) => ({
    namespace,
    instance,
    instanceUid: instance,
    mode: "ro" as const,
    since: "",
  });
  const holders = [holder("near", "web-0"), holder("far", "hush-0"), holder("far", "hush-1")];
  assert.equal(describeHolders("near", holders), "near/web-0, an instance of another namespace");
});
