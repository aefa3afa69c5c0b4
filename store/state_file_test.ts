import assert from "node:assert/strict";
import { RESOURCES } from "./keys.ts";
import { openStore } from "./store.ts";
import { configmap, withDir } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** A closed state with some content. */
async function makeState(dataDir: string): Promise<void> {
  const store = await openStore({ dataDir });
  await store.transact((tx) => {
    for (let n = 0; n < 400; n++) tx.create(configmap(`c${n}`, "x".repeat(500)));
  });
  await store.close();
}

const state = (dataDir: string) => `${dataDir}/state.db`;

for (
  const [what, spoil] of [
    ["is not a database", (dir) => Deno.writeTextFile(state(dir), "this is not a database ".repeat(4000))],
    ["was cut in half", (dir) => Deno.truncate(state(dir), Math.floor(Deno.statSync(state(dir)).size / 2))],
    ["was emptied", (dir) => Deno.truncate(state(dir), 0)],
    ["was deleted", (dir) => Deno.remove(state(dir))],
    ["has a broken value", async (dir) => {
      using kv = await Deno.openKv(state(dir));
      await kv.set([...RESOURCES, "configmap", "default", "c1"], new TextEncoder().encode('{"kind":'));
    }],
    ["has lost a piece of a value", async (dir) => {
      using kv = await Deno.openKv(state(dir));
      await kv.set([...RESOURCES, "configmap", "default", "c1"], { id: "gone", chunks: 2 });
    }],
  ] as [string, (dir: string) => Promise<void>][]
) {
  Deno.test(`openStore() refuses a state that ${what}, names the file and says how to restore it`, () =>
    withDir(async (dataDir) => {
      await makeState(dataDir);
      await spoil(dataDir);
      // Twice: the refusal leaves neither a lock nor files that would make the state look fresh.
      for (let n = 0; n < 2; n++) {
        await assert.rejects(openStore({ dataDir }), {
          name: "RuneError",
          code: "failed_precondition",
          message: new RegExp(state(dataDir)),
          hint: /backup/,
        });
      }
    }));
}

Deno.test("openStore() starts over if the first start was killed before it created the database", () =>
  withDir(async (dataDir) => {
    await Deno.writeTextFile(state(dataDir), "");
    const store = await openStore({ dataDir });
    assert.equal(store.revision, 0);
    await store.close();
  }));

for (
  const [what, path] of [["a file", "file"], ["a path below a file", "file/data"], [
    "a place where nothing can be made",
    "/proc/rune",
  ]]
) {
  Deno.test(`openStore() refuses ${what} as data directory`, () =>
    withDir(async (dir) => {
      await Deno.writeTextFile(`${dir}/file`, "");
      const dataDir = path!.startsWith("/") ? path! : `${dir}/${path}`;
      await assert.rejects(openStore({ dataDir }), {
        name: "RuneError",
        code: "failed_precondition",
        message: new RegExp(dataDir),
        hint: /--data-dir/,
      });
    }));
}
