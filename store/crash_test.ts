import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Store } from "./store.ts";
import { openStore } from "./store.ts";
import { keysOnDisk, withDir } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

interface Kill {
  dataDir: string;
  killAt: number;
  when: "before" | "after";
  size: number;
}

/** Runs the child until it kills itself. Returns the last acknowledged round; 0 if there is none. */
async function crash({ dataDir, killAt, when, size }: Kill): Promise<number> {
  const { stdout, stderr, signal } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--unstable-kv",
      fileURLToPath(import.meta.resolve("./crash_child.ts")),
      dataDir,
      `${killAt}`,
      when,
      `${size}`,
    ],
  }).output();
  assert.equal(signal, "SIGKILL", new TextDecoder().decode(stderr));
  return Number(new TextDecoder().decode(stdout).trim().split("\n").at(-1));
}

/** Checks that every transaction is there whole or not at all, and that the journal holds exactly those. */
async function assertWhole(store: Store, size: number): Promise<void> {
  const rounds = store.list("configmap").map(({ labels }) => Number(labels.round));
  assert.deepEqual(rounds, store.revision === 0 ? [] : Array(size).fill(store.revision));
  const counts: number[] = [];
  if (store.revision > 0) {
    for await (const { revision, more } of store.watch({ since: 0, signal: new AbortController().signal })) {
      counts[revision - 1] = (counts[revision - 1] ?? 0) + 1;
      if (revision === store.revision && !more) break;
    }
  }
  assert.deepEqual(counts, Array(store.revision).fill(size));
}

// A round of 1,200 takes 11 commits: 1–3 write the redo log, 4 decides, 5–7 apply, 8 removes the mark, 9–11
// empty the log.
const seed = Math.floor(Math.random() * 1000);
for (
  const [size, points] of [
    [3, [1, 2 + seed % 20]],
    [1200, [3, 4, 5, 8, 9, 12 + seed % 22]],
  ] as const
) {
  Deno.test(`SIGKILL around KV commits ${points} of transactions of ${size} loses nothing acknowledged, tears nothing`, () =>
    withDir(async (dataDir) => {
      for (const killAt of points) {
        for (const when of ["before", "after"] as const) {
          const where = `killed ${when} commit ${killAt}`;
          const acknowledged = await crash({ dataDir, killAt, when, size });
          const store = await openStore({ dataDir, journalLimit: 1e6 });
          try {
            assert.ok(store.revision >= acknowledged, `${where}: ${store.revision} after ${acknowledged}`);
            await assertWhole(store, size);
          } finally {
            await store.close();
          }
          assert.deepEqual(await keysOnDisk(dataDir, ["redo"]), [], where);
        }
      }
    }));
}
