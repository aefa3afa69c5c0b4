/** One id runs once on a host: locks, copies, and moving a daemon elsewhere. @module */
import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { openStore, type Store } from "../../store/store.ts";
import { ensureDaemonId, readPlace, releasePlace, replaceDaemonId } from "./daemon_identity.ts";
import { holdDaemonId, lockDirectory } from "./daemon_lock.ts";

/** Two data directories. The second has the id and the place of the first, as a copy has. */
async function withCopy(
  test: (room: { dir: string; original: Store; copy: Store; daemonId: string }) => Promise<void>,
): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-lock-" }));
  const original = await openStore({ dataDir: `${dir}/original` });
  const copy = await openStore({ dataDir: `${dir}/copy` });
  try {
    (await holdDaemonId(original, `${dir}/original`))[Symbol.dispose]();
    const daemonId = await ensureDaemonId(original);
    for (const key of ["daemon-id", "daemon-place"]) await copy.putMeta(key, await original.getMeta(key));
    await test({ dir, original, copy, daemonId });
  } finally {
    await original.close();
    await copy.close();
    await Deno.remove(dir, { recursive: true });
  }
}

const assertRefused = (call: Promise<unknown>, message: RegExp) =>
  assert.rejects(call, (error) => {
    assert.ok(error instanceof RuneError);
    assert.equal(error.code, "failed_precondition");
    assert.match(error.message, message);
    assert.match(error.hint!, /rune admin restore --as-copy/);
    return true;
  });

Deno.test("holdDaemonId() refuses an id that is running, and names its data directory and pid", () =>
  withCopy(async ({ dir, original, copy }) => {
    {
      using held = await holdDaemonId(original, `${dir}/original`);
      assert.equal((await Deno.stat(`${lockDirectory()}/${held.daemonId}`)).mode! & 0o777, 0o600);
      const where = new RegExp(
        `is already running, with the data directory ${dir}/original \\(pid ${Deno.pid}\\)`,
      );
      await assertRefused(holdDaemonId(copy, `${dir}/copy`), where);
      // A released place does not permit a second daemon beside a running one.
      await releasePlace(copy);
      await assertRefused(holdDaemonId(copy, `${dir}/copy`), where);
      await replaceDaemonId(copy);
      using other = await holdDaemonId(copy, `${dir}/copy`);
      assert.notEqual(other.daemonId, held.daemonId);
    }
    using again = await holdDaemonId(original, `${dir}/original`);
    assert.ok(again);
  }));

Deno.test("holdDaemonId() leaves no lock behind, and permits no second lock while one is being released", () =>
  withCopy(async ({ dir, original, daemonId }) => {
    const held = await holdDaemonId(original, `${dir}/original`);
    const path = `${lockDirectory()}/${daemonId}`;
    // Another process opens the file before it is removed. A lock on it then has no effect.
    using early = await Deno.open(path, { read: true, write: true });
    held[Symbol.dispose]();
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    assert.ok(await early.tryLock(true));
    using again = await holdDaemonId(original, `${dir}/original`);
    assert.equal(again.daemonId, daemonId);
  }));

Deno.test("holdDaemonId() refuses a copy while its original exists, and accepts it when the original was moved away", () =>
  withCopy(async ({ dir, copy }) => {
    await assertRefused(
      holdDaemonId(copy, `${dir}/copy`),
      new RegExp(`copy of the data directory ${dir}/original`),
    );
    await Deno.rename(`${dir}/original`, `${dir}/away`);
    using held = await holdDaemonId(copy, `${dir}/copy`);
    assert.equal(
      (await readPlace(copy))?.dataDir,
      `${dir}/original`,
      "what is on an Engine is not taken over yet",
    );
    assert.equal(held.place.dataDir, `${dir}/copy`);
  }));

Deno.test("holdDaemonId() accepts a restored state beside the former directory, if the restore released the place", () =>
  withCopy(async ({ dir, copy }) => {
    await releasePlace(copy);
    using _held = await holdDaemonId(copy, `${dir}/copy`);
    assert.equal((await readPlace(copy))?.dataDir, `${dir}/copy`);
  }));
