import assert from "node:assert/strict";
import { addressKey, createRateLimit } from "./rate_limit.ts";

Deno.test("createRateLimit() permits ten failures, then one every six seconds, and forgets them after a minute", () => {
  let now = 0;
  const limit = createRateLimit(() => now);
  for (let i = 0; i < 10; i++) {
    assert.equal(limit.waitMs("a"), 0, String(i));
    limit.fail("a");
  }
  assert.equal(limit.waitMs("a"), 6_000);
  assert.equal(limit.waitMs("b"), 0);
  now += 6_000;
  assert.equal(limit.waitMs("a"), 0);
  limit.fail("a");
  assert.equal(limit.waitMs("a"), 6_000);
  now += 60_000;
  for (let i = 0; i < 10; i++) {
    assert.equal(limit.waitMs("a"), 0);
    limit.fail("a");
  }
});

Deno.test("createRateLimit() remembers a bounded number of addresses", () => {
  const limit = createRateLimit(() => 0);
  for (let i = 0; i < 10; i++) limit.fail("first");
  for (let i = 0; i < 10_000; i++) limit.fail(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  assert.equal(limit.waitMs("first"), 0);
});

Deno.test("addressKey() counts an IPv6 network as one caller and recognizes mapped IPv4", () => {
  assert.equal(addressKey("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(addressKey("2001:db8:1:2:3:4:5:6"), addressKey("2001:db8:1:2::9"));
  assert.notEqual(addressKey("2001:db8:1:2::1"), addressKey("2001:db8:1:3::1"));
  assert.equal(addressKey("::1"), "0:0:0:0::/64");
});
