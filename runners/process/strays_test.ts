import assert from "node:assert/strict";
import { until } from "../../tests/host.ts";
import { readProcess } from "./proc.ts";
import { openRoom, roomTest as test } from "./test_room.ts";

/**
 * Ends as soon as it may: after SIGTERM, and once `go` is in its directory. `began` appears if SIGTERM does
 * not end it at once.
 */
const makeObedient = (dir: string) =>
  `trap 'while [ ! -e ${dir}/go ]; do sleep 0.05; done; echo bye >${dir}/bye; exit 0' TERM; ` +
  `: >${dir}/began; while :; do sleep 0.1; done`;
/** A child that will not end. */
const STUBBORN = "(trap '' TERM; i=0; while [ $((i=i+1)) -lt 60 ]; do sleep 1; done) & ";

const waitForStart = (dir: string) =>
  until("the process handles signals", () => Deno.stat(`${dir}/began`).then(() => true));

test(
  "a runner whose records were lost ends all of their processes, and no others",
  async (room, signal) => {
    const other = await openRoom();
    try {
      const [spec, kept] = [room.shell(STUBBORN + makeObedient(room.data)), other.shell("exec sleep 60")];
      await room.runner.create(spec, signal);
      const { pid } = await room.runner.start(spec, signal);
      await other.runner.create(kept, signal);
      await other.runner.start(kept, signal);
      await waitForStart(room.data);
      await room.runner.close();
      await Deno.remove(room.dir, { recursive: true });
      const runner = await room.reopen();
      assert.ok(readProcess(pid!), "it may not end yet");
      await Deno.writeTextFile(`${room.data}/go`, "");
      await runner.waitUntilClear();
      assert.equal(readProcess(pid!), undefined);
      assert.deepEqual(await runner.list(signal), []);
      assert.equal((await other.runner.inspect(kept, signal)).state, "running");
      await (await room.reopen()).waitUntilClear();
    } finally {
      await other.cleanup();
    }
  },
);

test(
  "processes without a record end in an orderly way, paused or not, even if the runner is closed in the meantime",
  async (room, signal) => {
    const spec = room.shell(makeObedient(room.data));
    await room.runner.create(spec, signal);
    const { pid } = await room.runner.start(spec, signal);
    await waitForStart(room.data);
    await room.runner.pause(spec, signal);
    await room.runner.close();
    await Deno.remove(room.dir, { recursive: true });
    const waiting = assert.rejects((await room.reopen()).waitUntilClear());
    await room.runner.close();
    await waiting;
    assert.ok(readProcess(pid!), "it may not end yet");
    await Deno.writeTextFile(`${room.data}/go`, "");
    await (await room.reopen()).waitUntilClear();
    assert.equal(readProcess(pid!), undefined);
    assert.equal(await Deno.readTextFile(`${room.data}/bye`), "bye\n");
  },
);
