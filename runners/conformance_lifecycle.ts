/**
 * The part of the suite that needs no kernel: the effects of the calls of `runner.ts` on a run. Runners of
 * real programs and the memory runner pass it.
 * @module
 */
import assert from "node:assert/strict";
import { assertRejects, readEntries, readLine, readTexts, textsOf, waitForEnd } from "./conformance_looks.ts";
import { OBEDIENT, type Program, STUBBORN } from "./conformance_program.ts";
import type { Runner, RunSpec } from "./runner.ts";

/** What one test works in: a runner with state of its own. */
export interface LifecycleRoom {
  runner: Runner;
  /**
   * A fresh runner over the same state, as after a crash of the daemon. The older one is closed and no longer
   * used.
   */
  reopen(): Promise<Runner>;
  /** A run of its own instance whose main process does this. */
  play(program: Program): RunSpec;
  /** Removes every run, also running ones, and all else that the room made; closes its runners. */
  cleanup(): Promise<void>;
}

/** Options of the suite. */
export interface SuiteOptions<Room> {
  /** Shown in the names of the tests. */
  name: string;
  /** True where this runner cannot work here. */
  ignore?: boolean;
  /** Opens a room for a test. */
  make(): Promise<Room>;
}

const TEST_TIME_MS = 30_000;

/** Registers one test in a room of its own. */
export function promiseIn<Room extends { cleanup(): Promise<void> }>(
  options: SuiteOptions<Room>,
): (name: string, fn: (room: Room, signal: AbortSignal) => Promise<void>) => void {
  return (name, fn) =>
    Deno.test({
      name: `${options.name} runner: ${name}`,
      ignore: options.ignore,
      sanitizeOps: true,
      sanitizeResources: true,
      sanitizeExit: true,
      fn: async () => {
        const room = await options.make();
        const abort = new AbortController();
        const late = new Error(`"${name}" took more than ${TEST_TIME_MS} ms`);
        const timer = setTimeout(() => abort.abort(late), TEST_TIME_MS);
        try {
          await fn(room, abort.signal);
        } finally {
          clearTimeout(timer);
          abort.abort();
          await room.cleanup();
        }
      },
    });
}

/** Registers the tests. */
export function runnerLifecycle(options: SuiteOptions<LifecycleRoom>): void {
  const promise = promiseIn(options);

  promise("create, start, stop and remove are idempotent and end in absent", async (room, signal) => {
    const { runner } = room;
    const spec = room.play(OBEDIENT);
    assert.equal((await runner.inspect(spec, signal)).state, "absent");
    assert.equal((await runner.create(spec, signal)).state, "created");
    assert.equal((await runner.create(spec, signal)).state, "created");
    const started = await runner.start(spec, signal);
    assert.equal(started.state, "running");
    assert.equal((await runner.start(spec, signal)).handle, started.handle);
    assert.equal((await runner.create(spec, signal)).state, "running");
    await readLine(runner, spec, { text: "ready", signal });
    const running = await runner.inspect(spec, signal);
    assert.equal(running.instanceUid, spec.instanceUid);
    assert.equal(running.run, spec.run);
    assert.equal(running.namespace, spec.namespace);
    assert.equal(running.service, spec.service);
    assert.equal(running.instance, spec.instance);
    assert.ok(running.startedAt && running.pid);
    for (let i = 0; i < 2; i++) {
      const stopped = await runner.stop(spec, { timeoutMs: 10_000, signal });
      assert.equal(stopped.state, "exited");
      assert.equal(stopped.exitCode, 7);
    }
    assert.ok((await runner.inspect(spec, signal)).finishedAt);
    await runner.remove(spec, signal);
    await runner.remove(spec, signal);
    assert.equal((await runner.inspect(spec, signal)).state, "absent");
    assert.equal((await runner.stop(spec, { timeoutMs: 1, signal })).state, "absent");
    await assertRejects(runner.start(spec, signal), "not_found");
  });

  promise("a step is a run of its own, beside the run that it prepares", async (room, signal) => {
    const { runner } = room;
    const main = room.play(OBEDIENT);
    const step = {
      ...room.play({ says: ["stepping"], exits: 4 }),
      instanceUid: main.instanceUid,
      step: "prepare.1",
    };
    await runner.create(step, signal);
    assert.equal((await runner.inspect(main, signal)).state, "absent");
    await runner.start(step, signal);
    assert.equal((await waitForEnd(runner, step, signal)).exitCode, 4);
    await runner.create(main, signal);
    await runner.start(main, signal);
    const next = { ...step, step: "prepare.2" };
    assert.equal((await runner.inspect(next, signal)).state, "absent");
    const reopened = await room.reopen();
    const found = (await reopened.list(signal)).map((r) => `${r.run} ${r.step ?? "main"} ${r.state}`).sort();
    assert.deepEqual(found, ["1 main running", "1 prepare.1 exited"]);
    assert.equal((await reopened.inspect(main, signal)).state, "running");
    const { step: named, exitCode } = await reopened.inspect(step, signal);
    assert.deepEqual([named, exitCode], ["prepare.1", 4]);
    assert.deepEqual(await readTexts(reopened, step, { follow: true, signal }), ["stepping"]);
    await reopened.stop(main, { timeoutMs: 10_000, signal });
    await reopened.remove(main, signal);
    assert.equal((await reopened.inspect(step, signal)).state, "exited");
    await reopened.remove(step, signal);
    assert.deepEqual(await reopened.list(signal), []);
  });

  promise("stop() of a created run changes nothing; remove() takes it", async (room, signal) => {
    const spec = room.play({ exits: 0 });
    await room.runner.create(spec, signal);
    assert.equal((await room.runner.stop(spec, { timeoutMs: 1, signal })).state, "created");
    await room.runner.remove(spec, signal);
    assert.equal((await room.runner.inspect(spec, signal)).state, "absent");
  });

  promise(
    "the exit code of a failing command is known; start() does not run it again",
    async (room, signal) => {
      const { runner } = room;
      const spec = room.play({ says: ["once"], exits: 3 });
      await runner.create(spec, signal);
      await runner.start(spec, signal);
      assert.equal((await waitForEnd(runner, spec, signal)).exitCode, 3);
      const again = await runner.start(spec, signal);
      assert.equal(again.state, "exited");
      assert.equal(again.exitCode, 3);
      assert.deepEqual(await readTexts(runner, spec, { follow: true, signal }), ["once"]);
    },
  );

  promise("stop() kills what ignores SIGTERM, and the code says so", async (room, signal) => {
    const { runner } = room;
    const spec = room.play(STUBBORN);
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    await readLine(runner, spec, { text: "ready", signal });
    const before = performance.now();
    const stopped = await runner.stop(spec, { timeoutMs: 300, signal });
    assert.ok(performance.now() - before >= 290, "SIGKILL came before the timeout");
    assert.equal(stopped.state, "exited");
    assert.equal(stopped.exitCode, 137);
    assert.equal(stopped.killed, true);
  });

  promise("stop() asks by the signal that it is given, else by that of the run", async (room, signal) => {
    const { runner } = room;
    const program: Program = { says: ["ready"], heeds: { SIGUSR1: 8, SIGQUIT: 9 } };
    for (
      const [made, told, code] of [[undefined, "SIGUSR1", 8], ["SIGQUIT", undefined, 9], [
        "SIGQUIT",
        "SIGUSR1",
        8,
      ]] as const
    ) {
      const spec = { ...room.play(program), ...(made && { stopSignal: made }) };
      await runner.create(spec, signal);
      await runner.start(spec, signal);
      await readLine(runner, spec, { text: "ready", signal });
      const options = { timeoutMs: 10_000, signal, ...(told && { stopSignal: told }) };
      const stopped = await runner.stop(spec, options);
      assert.deepEqual([stopped.exitCode, stopped.killed], [code, undefined], `${made}, ${told}`);
      assert.equal((await runner.stop(spec, options)).exitCode, code);
    }
  });

  promise(
    "stop() by a signal of its own ends a paused run, and kills what does not heed it",
    async (room, signal) => {
      const { runner } = room;
      const obedient = room.play({ says: ["ready"], heeds: { SIGUSR1: 8 } });
      const stubborn = room.play(STUBBORN);
      for (const spec of [obedient, stubborn]) {
        await runner.create(spec, signal);
        await runner.start(spec, signal);
        await readLine(runner, spec, { text: "ready", signal });
      }
      await runner.pause(obedient, signal);
      const told = { stopSignal: "SIGUSR1", signal };
      assert.equal((await runner.stop(obedient, { ...told, timeoutMs: 10_000 })).exitCode, 8);
      const killed = await runner.stop(stubborn, { ...told, timeoutMs: 200 });
      assert.deepEqual([killed.exitCode, killed.killed], [137, true]);
    },
  );

  promise(
    "stop() ends a paused run as any other; what is gone is neither paused nor resumed",
    async (room, signal) => {
      const { runner } = room;
      const spec = room.play(OBEDIENT);
      await runner.create(spec, signal);
      await runner.start(spec, signal);
      await readLine(runner, spec, { text: "ready", signal });
      await runner.pause(spec, signal);
      const stopped = await runner.stop(spec, { timeoutMs: 10_000, signal });
      assert.deepEqual([stopped.state, stopped.exitCode], ["exited", 7]);
      assert.equal((await runner.pause(spec, signal)).state, "exited");
      assert.equal((await runner.resume(spec, signal)).state, "exited");
      await runner.remove(spec, signal);
      assert.equal((await runner.pause(spec, signal)).state, "absent");
      assert.equal((await runner.resume(spec, signal)).state, "absent");
    },
  );

  promise("rehearse makes nothing, and leaves what is there as it is", async (room, signal) => {
    const { runner } = room;
    const spec = room.play({ exits: 3 });
    await runner.rehearse(spec, { covered: [], signal });
    assert.deepEqual(await runner.list(signal), []);
    await runner.create(spec, signal);
    await runner.rehearse(spec, { covered: [], signal });
    assert.equal((await runner.inspect(spec, signal)).state, "created");
  });

  promise(
    "a paused run is found paused by the next daemon, and goes on when it is resumed",
    async (room, signal) => {
      const { runner } = room;
      const spec = room.play(OBEDIENT);
      await runner.create(spec, signal);
      assert.equal((await runner.pause(spec, signal)).state, "created", "what does not run is left alone");
      const { handle } = await runner.start(spec, signal);
      for (let i = 0; i < 2; i++) {
        const paused = await runner.pause(spec, signal);
        assert.deepEqual([paused.state, paused.paused, paused.handle], ["running", true, handle]);
      }
      const options = { command: ["true"], tty: false, stdin: false, signal };
      await assertRejects(runner.exec(spec, options), "conflict", "failed_precondition");
      const next = await room.reopen();
      const found = await next.inspect(spec, signal);
      assert.deepEqual([found.state, found.paused, found.handle], ["running", true, handle]);
      for (let i = 0; i < 2; i++) {
        const resumed = await next.resume(spec, signal);
        assert.deepEqual([resumed.state, resumed.paused, resumed.handle], ["running", undefined, handle]);
      }
    },
  );

  promise("pause() and exec() at once leave a run that goes on", async (room, signal) => {
    const { runner } = room;
    const spec = room.play(OBEDIENT);
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    await readLine(runner, spec, { text: "ready", signal });
    const options = { command: ["true"], tty: false, stdin: false, signal };
    const run = async () => {
      const session = await runner.exec(spec, options);
      for await (const _ of session.output);
      return await session.exitCode;
    };
    for (let round = 0; round < 5; round++) {
      const ran = run().catch((error) => error);
      assert.equal((await runner.pause(spec, signal)).paused, true);
      assert.equal((await runner.resume(spec, signal)).paused, undefined);
      const answer = await ran;
      if (answer !== 0) await assertRejects(Promise.reject(answer), "conflict", "failed_precondition");
    }
    assert.equal(await run(), 0);
  });

  promise("exec() tells how its command ended", async (room, signal) => {
    const { runner } = room;
    const spec = room.play(OBEDIENT);
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    for (const [command, failed] of [["true", false], ["false", true]] as const) {
      const session = await runner.exec(spec, { command: [command], tty: false, stdin: false, signal });
      for await (const _ of session.output);
      assert.equal(await session.exitCode !== 0, failed, command);
    }
  });

  promise("remove() of a running run is a conflict and leaves it running", async (room, signal) => {
    const spec = room.play(OBEDIENT);
    await room.runner.create(spec, signal);
    const { handle } = await room.runner.start(spec, signal);
    await assertRejects(room.runner.remove(spec, signal), "conflict");
    const after = await room.runner.inspect(spec, signal);
    assert.equal(after.state, "running");
    assert.equal(after.handle, handle);
  });

  promise("a fresh runner finds the same run, still running, and its exit code", async (room, signal) => {
    const spec = room.play(OBEDIENT);
    await room.runner.create(spec, signal);
    const before = await room.runner.start(spec, signal);
    await readLine(room.runner, spec, { text: "ready", signal });
    const runner = await room.reopen();
    const after = await runner.inspect(spec, signal);
    assert.equal(after.state, "running");
    assert.equal(after.handle, before.handle);
    assert.equal(after.startedAt, before.startedAt);
    assert.equal((await runner.start(spec, signal)).handle, before.handle);
    assert.equal((await runner.stop(spec, { timeoutMs: 10_000, signal })).exitCode, 7);
  });

  promise("a fresh runner knows the code of a run that ended meanwhile", async (room, signal) => {
    const spec = room.play({ exits: 5 });
    await room.runner.create(spec, signal);
    await room.runner.start(spec, signal);
    const runner = await room.reopen();
    assert.equal((await waitForEnd(runner, spec, signal)).exitCode, 5);
  });

  promise("events() begins with resync and shows an exit promptly", async (room, signal) => {
    const { runner } = room;
    const abort = new AbortController();
    const events = runner.events(abort.signal)[Symbol.asyncIterator]();
    assert.deepEqual((await events.next()).value, { type: "resync" });
    const spec = room.play({ exits: 4, afterMs: 200 });
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    let state = await runner.inspect(spec, signal);
    while (state.state !== "exited") {
      const { value, done } = await events.next();
      assert.ok(!done, "events ended by themselves");
      if (value.type !== "changed" || value.ref.instanceUid !== spec.instanceUid) continue;
      assert.equal(value.ref.run, spec.run);
      assert.equal(value.namespace, spec.namespace);
      assert.equal(value.instance, spec.instance);
      state = await runner.inspect(spec, signal);
    }
    assert.equal(state.exitCode, 4);
    const delay = Date.now() - Date.parse(state.finishedAt!);
    assert.ok(delay < 1_500, `the exit was seen ${delay} ms late`);
    const next = events.next();
    abort.abort();
    while (!(await next).done && !(await events.next()).done);
  });

  promise("list() shows the runs that were made and nothing else", async (room, signal) => {
    const { runner } = room;
    const [created, running] = [room.play(OBEDIENT), room.play(OBEDIENT)];
    await runner.create(created, signal);
    await runner.create(running, signal);
    await runner.start(running, signal);
    const states = new Map((await runner.list(signal)).map((s) => [s.instanceUid, s.state]));
    assert.deepEqual(states, new Map([[created.instanceUid, "created"], [running.instanceUid, "running"]]));
    await runner.remove(created, signal);
    assert.deepEqual((await runner.list(signal)).map((s) => s.instanceUid), [running.instanceUid]);
  });

  promise("logs() counts tail from the end and goes on from there", async (room, signal) => {
    const { runner } = room;
    const spec = room.play({
      says: ["1", "2", "3", "4", "ready"],
      heeds: { SIGTERM: 0 },
      lastWords: "five",
    });
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    await readLine(runner, spec, { text: "ready", signal });
    assert.deepEqual(await readTexts(runner, spec, { follow: false, tail: 2, signal }), ["4", "ready"]);
    assert.deepEqual(await readTexts(runner, spec, { follow: false, tail: 0, signal }), []);
    assert.equal((await readTexts(runner, spec, { follow: false, tail: 100, signal })).length, 5);
    const followed = await runner.logs(spec, { follow: true, tail: 1, signal });
    await runner.stop(spec, { timeoutMs: 10_000, signal });
    assert.deepEqual(textsOf(await readEntries(followed), "stdout"), ["ready", "five"]);
  });

  promise("logs() that follow end when the signal aborts", async (room, signal) => {
    const spec = room.play(OBEDIENT);
    await room.runner.create(spec, signal);
    await room.runner.start(spec, signal);
    const abort = new AbortController();
    const reader = (await room.runner.logs(spec, { follow: true, signal: abort.signal })).getReader();
    assert.equal((await reader.read()).value?.text, "ready");
    const next = reader.read();
    abort.abort();
    await next.then(({ done }) => assert.ok(done), () => {});
  });

  promise("exec() in a run that does not run is refused", async (room, signal) => {
    const spec = room.play({ exits: 0 });
    const options = { command: ["true"], tty: false, stdin: false, signal };
    await assertRejects(room.runner.exec(spec, options), "not_found");
    await room.runner.create(spec, signal);
    await assertRejects(room.runner.exec(spec, options), "conflict", "failed_precondition");
  });
}
