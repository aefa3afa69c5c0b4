import assert from "node:assert/strict";
import { readProcess } from "./proc.ts";
import { openRoom, roomTest as test } from "./test_room.ts";

/** Ends when it may, after SIGTERM and once `go` is there. */
const untilAllowed = (go: string, last: string) =>
  `trap 'while [ ! -e ${go} ]; do sleep 0.05; done; ${last}; exit 0' TERM; while :; do sleep 0.1; done`;
/** A child that will not end. */
const STUBBORN = "(trap '' TERM; i=0; while [ $((i=i+1)) -lt 60 ]; do sleep 1; done) &";

test(
  "a runner whose records were lost ends all that lives of them, and nothing of others",
  async (room, signal) => {
    const other = await openRoom();
    try {
      const go = `${other.data}/go`;
      const [spec, kept] = [
        room.shell(`${STUBBORN} ${untilAllowed(go, ":")}`),
        other.shell("exec sleep 60"),
      ];
      await room.runner.create(spec, signal);
      const { pid } = await room.runner.start(spec, signal);
      await other.runner.create(kept, signal);
      await other.runner.start(kept, signal);
      await room.runner.close();
      await Deno.remove(room.dir, { recursive: true });
      const runner = await room.reopen();
      assert.ok(readProcess(pid!), "it may not end yet");
      await Deno.writeTextFile(go, "");
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
    const go = `${room.data}/go`;
    const spec = room.shell(untilAllowed(go, `echo bye > ${room.data}/bye`));
    await room.runner.create(spec, signal);
    const { pid } = await room.runner.start(spec, signal);
    await room.runner.pause(spec, signal);
    await room.runner.close();
    await Deno.remove(room.dir, { recursive: true });
    const waiting = assert.rejects((await room.reopen()).cleared());
    await room.runner.close();
    await waiting;
    assert.ok(readProcess(pid!), "it may not end yet");
    await Deno.writeTextFile(go, "");
    await (await room.reopen()).cleared();
    assert.equal(readProcess(pid!), undefined);
    assert.equal(await Deno.readTextFile(`${room.data}/bye`), "bye\n");
  },
);
