import assert from "node:assert/strict";
import { SCHEMA } from "./keys.ts";
import { migrate, MIGRATIONS, readSchema } from "./migrations.ts";
import { openStore } from "./store.ts";
import { withDir } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("migrate() numbers an empty state without running a step, and runs the missing steps of an old one once", async () => {
  using kv = await Deno.openKv(":memory:");
  const ran: number[] = [];
  const step = (n: number) => () => Promise.resolve(void ran.push(n));
  await migrate(kv, [step(1)]);
  assert.deepEqual([ran, await readSchema(kv, [step(1)])], [[], 2]);
  const three = [step(1), step(2), step(3)];
  await migrate(kv, three);
  await migrate(kv, three);
  assert.deepEqual([ran, await readSchema(kv, three)], [[2, 3], 4]);
});

Deno.test("migrate() repeats a failed step and does not count it", async () => {
  using kv = await Deno.openKv(":memory:");
  await migrate(kv, []);
  await assert.rejects(migrate(kv, [() => Promise.reject(new Error("disk"))]));
  let ran = 0;
  await migrate(kv, [() => Promise.resolve(void ran++)]);
  assert.equal(ran, 1);
});

Deno.test("openStore() refuses a state with a newer layout, with both numbers, and does not touch it", () =>
  withDir(async (dataDir) => {
    await (await openStore({ dataDir })).close();
    const newer = MIGRATIONS.length + 2;
    {
      using kv = await Deno.openKv(`${dataDir}/state.db`);
      await kv.set(SCHEMA, newer);
    }
    await assert.rejects(openStore({ dataDir }), {
      code: "failed_precondition",
      message: `the state has layout ${newer}; this program knows up to ${newer - 1}`,
      hint: /newer version/,
    });
    using kv = await Deno.openKv(`${dataDir}/state.db`);
    assert.equal((await kv.get(SCHEMA)).value, newer);
  }));
