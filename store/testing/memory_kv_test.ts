import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryDisk, openMemoryKv } from "./memory_kv.ts";

const part = fc.oneof(fc.constantFrom("a", "ab", "b", ""), fc.nat({ max: 12 }));
const key = fc.array(part, { minLength: 1, maxLength: 3 });
const mutation = fc.record({ key, value: fc.option(fc.jsonValue(), { nil: undefined }) });
const commit = fc.record({ mutations: fc.array(mutation, { maxLength: 5 }), stale: fc.boolean() });

async function contents(kv: Deno.Kv, selector: Deno.KvListSelector) {
  return (await Array.fromAsync(kv.list(selector))).map(({ key, value }) => ({ key, value }));
}

Deno.test("KV in memory behaves like the real one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commit, { maxLength: 8 }), key, async (commits, place) => {
      using real = await Deno.openKv(":memory:");
      const fake = openMemoryKv(new MemoryDisk());
      for (const { mutations, stale } of commits) {
        const results = [];
        for (const kv of [real, fake]) {
          const head = await kv.get(["head"]);
          const operation = kv.atomic().check({
            key: ["head"],
            versionstamp: stale ? "00000000000000000099" : head.versionstamp,
          });
          for (const { key, value } of mutations) {
            if (value === undefined) operation.delete(key);
            else operation.set(key, value);
          }
          results.push((await operation.set(["head"], 1).commit()).ok);
        }
        assert.equal(results[0], results[1]);
      }
      const ranges: Deno.KvListSelector[] = [{ prefix: [] }, { prefix: place }, { start: ["a"], end: ["b"] }];
      for (const range of ranges) assert.deepEqual(await contents(fake, range), await contents(real, range));
      assert.deepEqual((await fake.get(place)).value, (await real.get(place)).value);
    }),
    { numRuns: 60 },
  );
});
