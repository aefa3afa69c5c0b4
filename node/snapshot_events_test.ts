import assert from "node:assert/strict";
import { RuneError } from "../model/error.ts";
import { readSnapshotEvents } from "./snapshot_events.ts";

const TAKEN = { handle: "h", sizeBytes: 1 };

Deno.test("readSnapshotEvents() lets the driver finish only once the next event is asked for", async () => {
  const log: string[] = [];
  const events = readSnapshotEvents(async (onCopied) => {
    await onCopied();
    log.push("finished");
    return TAKEN;
  });
  assert.deepEqual((await events.next()).value, { state: "copied" });
  await Promise.resolve();
  log.push("judged");
  assert.deepEqual((await events.next()).value, { state: "taken", ...TAKEN });
  assert.deepEqual(log, ["judged", "finished"]);
});

Deno.test("readSnapshotEvents() has the driver drop a copy that its caller abandons, and waits for that", async () => {
  const log: string[] = [];
  const broken = new Error("a run went on");
  const listen = async () => {
    const events = readSnapshotEvents(async (onCopied) => {
      try {
        await onCopied();
      } finally {
        await Promise.resolve();
        log.push("removed");
      }
      return TAKEN;
    });
    for await (const { state } of events) if (state === "copied") throw broken;
  };
  await assert.rejects(listen(), broken);
  assert.deepEqual(log, ["removed"]);
});

Deno.test("readSnapshotEvents() tells of no copy where an earlier call made it, and passes a failure on", async () => {
  const events = await Array.fromAsync(readSnapshotEvents(() => Promise.resolve(TAKEN)));
  assert.deepEqual(events, [{ state: "taken", ...TAKEN }]);
  const away = new RuneError("unavailable", "the disk is gone");
  await assert.rejects(Array.fromAsync(readSnapshotEvents(() => Promise.reject(away))), away);
});
