import assert from "node:assert/strict";
import { readProcess } from "./proc.ts";
import { openRoom, roomTest as test } from "./test_room.ts";

/** Takes a while to end, with a child that will not. */
const SLOW =
  "trap 'sleep 0.5; exit 0' TERM; (trap '' TERM; i=0; while [ $((i=i+1)) -lt 60 ]; do sleep 1; done) & " +
  "while :; do sleep 0.1; done";

test(
  "a runner whose records were lost ends all that lives of them, and nothing of others",
  async (room, signal) => {
    const other = await openRoom();
    try {
      const [spec, kept] = [room.shell(SLOW), other.shell("exec sleep 60")];
      await room.runner.create(spec, signal);
      const { pid } = await room.runner.start(spec, signal);
      await other.runner.create(kept, signal);
      await other.runner.start(kept, signal);
      await room.runner.close();
      await Deno.remove(room.dir, { recursive: true });
      const runner = await room.reopen();
      assert.ok(readProcess(pid!), "it takes a while");
      await runner.cleared();
      assert.equal(readProcess(pid!), undefined);
      assert.deepEqual(await runner.list(signal), []);
      assert.equal((await other.runner.inspect(kept, signal)).state, "running");
      await (await room.reopen()).cleared();
    } finally {
      await other.cleanup();
    }
  },
);

test(
  "what has no record ends in its own way, paused or not, also when the runner is closed meanwhile",
  async (room, signal) => {
    const script = `trap 'sleep 1; echo bye > ${room.data}/bye; exit 0' TERM; while :; do sleep 0.1; done`;
    const spec = room.shell(script);
    await room.runner.create(spec, signal);
    const { pid } = await room.runner.start(spec, signal);
    await room.runner.pause(spec, signal);
    await room.runner.close();
    await Deno.remove(room.dir, { recursive: true });
    const waiting = assert.rejects((await room.reopen()).cleared());
    await room.runner.close();
    await waiting;
    assert.ok(readProcess(pid!), "it takes a while");
    await (await room.reopen()).cleared();
    assert.equal(readProcess(pid!), undefined);
    assert.equal(await Deno.readTextFile(`${room.data}/bye`), "bye\n");
  },
);
