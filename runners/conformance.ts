/**
 * The suite that every runner passes: the promises of `runner.ts`, as tests. It knows no engine; the room that it is given
 * says how a shell script becomes a run. Tests wait for what they need (a line of the log, an event), never for time.
 * @module
 */
import assert from "node:assert/strict";
import { RuneError } from "../model/error.ts";
import type { ExecOptions, ExecSession, LogEntry, LogOptions, Runner, RunRef, RunSpec } from "./runner.ts";

/** What one test works in: a runner with state of its own. */
export interface ConformanceRoom {
  runner: Runner;
  /** A fresh runner over the same state, as after a crash of the daemon. The older one is closed and no longer used. */
  reopen(): Promise<Runner>;
  /** A run of its own instance whose main process is `/bin/sh -c script`. */
  shell(script: string): RunSpec;
  /** Removes every run, also running ones, and all else that the room made; closes its runners. */
  cleanup(): Promise<void>;
}

/** How the suite reaches a runner. */
export interface ConformanceOptions {
  /** Shown in the names of the tests. */
  name: string;
  /** True where this runner cannot work here. */
  ignore?: boolean;
  /** Opens a room of its own for one test. */
  make(): Promise<ConformanceRoom>;
}

/** Ends by itself on SIGTERM with code 7; says so when its handler is in place. */
const OBEDIENT = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done";
/** Ignores SIGTERM, and so do its children. */
const STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
/** Has a child that dies of SIGTERM, and saves when its parent tells it to: the parent must be the only one that is asked. */
const MANAGER = `
  sh -c 'trap "echo child: saved; exit 3" USR1; echo ready; while :; do sleep 0.05; done' &
  child=$!
  trap 'kill -USR1 $child; wait $child; echo "parent: the child ended with $?"; exit 5' TERM
  while :; do sleep 0.05; done`;
/** Longer than a timer counts. */
const MONTHS_MS = 366 * 86_400_000;
const TEST_TIME_MS = 30_000;

/** Registers the tests of one runner. */
export function runnerConformance(options: ConformanceOptions): void {
  const promise = (
    name: string,
    fn: (room: ConformanceRoom, signal: AbortSignal) => Promise<void>,
  ): void =>
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

  promise("create, start, stop and remove are idempotent and end in absent", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell(OBEDIENT);
    assert.equal((await runner.inspect(spec, signal)).state, "absent");
    assert.equal((await runner.create(spec, signal)).state, "created");
    assert.equal((await runner.create(spec, signal)).state, "created");
    const started = await runner.start(spec, signal);
    assert.equal(started.state, "running");
    assert.equal((await runner.start(spec, signal)).handle, started.handle);
    assert.equal((await runner.create(spec, signal)).state, "running");
    await line(runner, spec, { text: "ready", signal });
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
    await rejects(runner.start(spec, signal), "not_found");
  });

  promise("rehearse refuses what could not start, runs nothing and leaves nothing", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell("exit 3");
    await runner.rehearse(spec, { covered: [], signal });
    assert.deepEqual(await runner.list(signal), []);
    const missing = (program: string): RunSpec => ({
      ...spec,
      ...(spec.process ? { process: { ...spec.process, command: program } } : { command: [program] }),
    });
    for (const program of ["/opt/nothing/here", "nothing-here"]) {
      await rejects(runner.rehearse(missing(program), { covered: [], signal }), "not_found");
      assert.deepEqual(await runner.list(signal), []);
    }
    // What a mount will bring is not there yet.
    await runner.rehearse(missing("/opt/nothing/here"), { covered: ["/opt/nothing"], signal });
    await runner.create(spec, signal);
    await runner.rehearse(spec, { covered: [], signal });
    assert.equal((await runner.inspect(spec, signal)).state, "created");
  });

  promise("a step is a run of its own, beside the run that it prepares", async (room, signal) => {
    const { runner } = room;
    const main = room.shell(OBEDIENT);
    const step = { ...room.shell("echo stepping; exit 4"), instanceUid: main.instanceUid, step: "prepare.1" };
    await runner.create(step, signal);
    assert.equal((await runner.inspect(main, signal)).state, "absent");
    await runner.start(step, signal);
    assert.equal((await ended(runner, step, signal)).exitCode, 4);
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
    assert.deepEqual(await texts(reopened, step, { follow: true, signal }), ["stepping"]);
    await reopened.stop(main, { timeoutMs: 10_000, signal });
    await reopened.remove(main, signal);
    assert.equal((await reopened.inspect(step, signal)).state, "exited");
    await reopened.remove(step, signal);
    assert.deepEqual(await reopened.list(signal), []);
  });

  promise("stop() of a created run changes nothing; remove() takes it", async (room, signal) => {
    const spec = room.shell("exit 0");
    await room.runner.create(spec, signal);
    assert.equal((await room.runner.stop(spec, { timeoutMs: 1, signal })).state, "created");
    await room.runner.remove(spec, signal);
    assert.equal((await room.runner.inspect(spec, signal)).state, "absent");
  });

  promise(
    "the exit code of a failing command is known; start() does not run it again",
    async (room, signal) => {
      const { runner } = room;
      const spec = room.shell("echo once; exit 3");
      await runner.create(spec, signal);
      await runner.start(spec, signal);
      assert.equal((await ended(runner, spec, signal)).exitCode, 3);
      const again = await runner.start(spec, signal);
      assert.equal(again.state, "exited");
      assert.equal(again.exitCode, 3);
      assert.deepEqual(await texts(runner, spec, { follow: true, signal }), ["once"]);
    },
  );

  promise("stop() kills what ignores SIGTERM, and the code says so", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell(STUBBORN);
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    await line(runner, spec, { text: "ready", signal });
    const before = performance.now();
    const stopped = await runner.stop(spec, { timeoutMs: 300, signal });
    assert.ok(performance.now() - before >= 290, "SIGKILL came before the timeout");
    assert.equal(stopped.state, "exited");
    assert.equal(stopped.exitCode, 137);
    assert.equal(stopped.killed, true);
  });

  promise("stop() asks the main process alone, which ends what it started in order", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell(MANAGER);
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    await line(runner, spec, { text: "ready", signal });
    const stopped = await runner.stop(spec, { timeoutMs: MONTHS_MS, signal });
    assert.deepEqual([stopped.exitCode, stopped.killed], [5, undefined]);
    const said = await texts(runner, spec, { follow: false, signal });
    assert.deepEqual(said, ["ready", "child: saved", "parent: the child ended with 3"]);
  });

  promise("stop() asks by the signal that it is given, else by that of the run", async (room, signal) => {
    const { runner } = room;
    const script =
      "trap '' TERM; trap 'exit 8' USR1; trap 'exit 9' QUIT; echo ready; while :; do sleep 0.05; done";
    for (
      const [made, told, code] of [[undefined, "SIGUSR1", 8], ["SIGQUIT", undefined, 9], [
        "SIGQUIT",
        "SIGUSR1",
        8,
      ]] as const
    ) {
      const spec = { ...room.shell(script), ...(made && { stopSignal: made }) };
      await runner.create(spec, signal);
      await runner.start(spec, signal);
      await line(runner, spec, { text: "ready", signal });
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
      const obedient = room.shell("trap 'exit 8' USR1; echo ready; while :; do sleep 0.05; done");
      const stubborn = room.shell("trap '' USR1; echo ready; while :; do sleep 0.05; done");
      for (const spec of [obedient, stubborn]) {
        await runner.create(spec, signal);
        await runner.start(spec, signal);
        await line(runner, spec, { text: "ready", signal });
      }
      await runner.pause(obedient, signal);
      const told = { stopSignal: "SIGUSR1", signal };
      assert.equal((await runner.stop(obedient, { ...told, timeoutMs: 10_000 })).exitCode, 8);
      const killed = await runner.stop(stubborn, { ...told, timeoutMs: 200 });
      assert.deepEqual([killed.exitCode, killed.killed], [137, true]);
    },
  );

  promise(
    "pause() holds a run still, also for the next daemon, and resume() lets it go on",
    async (room, signal) => {
      const { runner } = room;
      const spec = room.shell("i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done");
      await runner.create(spec, signal);
      assert.equal((await runner.pause(spec, signal)).state, "created", "what does not run is left alone");
      const { handle } = await runner.start(spec, signal);
      await line(runner, spec, { text: "3", signal });
      const printed = async (by: Runner) => (await texts(by, spec, { follow: false, signal })).length;
      for (let i = 0; i < 2; i++) {
        const paused = await runner.pause(spec, signal);
        assert.deepEqual([paused.state, paused.paused, paused.handle], ["running", true, handle]);
      }
      // Twice: what was printed before may still be on its way into the log.
      await printed(runner);
      const held = await printed(runner);
      const options = { command: ["true"], tty: false, stdin: false, signal };
      await rejects(runner.exec(spec, options), "conflict", "failed_precondition");
      const next = await room.reopen();
      const found = await next.inspect(spec, signal);
      assert.deepEqual([found.state, found.paused, found.handle], ["running", true, handle]);
      assert.equal(await printed(next), held, "a line was printed while it was paused");
      for (let i = 0; i < 2; i++) {
        const resumed = await next.resume(spec, signal);
        assert.deepEqual([resumed.state, resumed.paused, resumed.handle], ["running", undefined, handle]);
      }
      await line(next, spec, { text: String(held + 3), signal });
    },
  );

  promise(
    "stop() ends a paused run as any other; what is gone is neither paused nor resumed",
    async (room, signal) => {
      const { runner } = room;
      const spec = room.shell(OBEDIENT);
      await runner.create(spec, signal);
      await runner.start(spec, signal);
      await line(runner, spec, { text: "ready", signal });
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

  promise("remove() of a running run is a conflict and leaves it running", async (room, signal) => {
    const spec = room.shell(OBEDIENT);
    await room.runner.create(spec, signal);
    const { handle } = await room.runner.start(spec, signal);
    await rejects(room.runner.remove(spec, signal), "conflict");
    const after = await room.runner.inspect(spec, signal);
    assert.equal(after.state, "running");
    assert.equal(after.handle, handle);
  });

  promise("a fresh runner finds the same run, still running, and its exit code", async (room, signal) => {
    const spec = room.shell(OBEDIENT);
    await room.runner.create(spec, signal);
    const before = await room.runner.start(spec, signal);
    await line(room.runner, spec, { text: "ready", signal });
    const runner = await room.reopen();
    const after = await runner.inspect(spec, signal);
    assert.equal(after.state, "running");
    assert.equal(after.handle, before.handle);
    assert.equal(after.startedAt, before.startedAt);
    assert.equal((await runner.start(spec, signal)).handle, before.handle);
    assert.equal((await runner.stop(spec, { timeoutMs: 10_000, signal })).exitCode, 7);
  });

  promise("a fresh runner knows the code of a run that ended meanwhile", async (room, signal) => {
    const spec = room.shell("exit 5");
    await room.runner.create(spec, signal);
    await room.runner.start(spec, signal);
    const runner = await room.reopen();
    assert.equal((await ended(runner, spec, signal)).exitCode, 5);
  });

  promise("events() begins with resync and shows an exit promptly", async (room, signal) => {
    const { runner } = room;
    const abort = new AbortController();
    const events = runner.events(abort.signal)[Symbol.asyncIterator]();
    assert.deepEqual((await events.next()).value, { type: "resync" });
    const spec = room.shell("sleep 0.2; exit 4");
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
    const [created, running] = [room.shell(OBEDIENT), room.shell(OBEDIENT)];
    await runner.create(created, signal);
    await runner.create(running, signal);
    await runner.start(running, signal);
    const states = new Map((await runner.list(signal)).map((s) => [s.instanceUid, s.state]));
    assert.deepEqual(states, new Map([[created.instanceUid, "created"], [running.instanceUid, "running"]]));
    await runner.remove(created, signal);
    assert.deepEqual((await runner.list(signal)).map((s) => s.instanceUid), [running.instanceUid]);
  });

  promise("logs() keeps streams apart and follows until the end", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell("echo one; echo two >&2; sleep 0.2; echo three; printf four");
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    const followed = await entries(await runner.logs(spec, { follow: true, signal }));
    assert.deepEqual(textsOf(followed, "stdout"), ["one", "three", "four"]);
    assert.deepEqual(textsOf(followed, "stderr"), ["two"]);
    const whole = await texts(runner, spec, { follow: false, signal });
    assert.deepEqual(whole.toSorted(), ["four", "one", "three", "two"]);
    await rejects(runner.logs(room.shell("exit 0"), { follow: false, signal }), "not_found");
  });

  promise("logs() counts tail from the end and goes on from there", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell(
      "trap 'echo five; exit 0' TERM; seq 1 4; echo ready; while :; do sleep 0.05; done",
    );
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    await line(runner, spec, { text: "ready", signal });
    assert.deepEqual(await texts(runner, spec, { follow: false, tail: 2, signal }), ["4", "ready"]);
    assert.deepEqual(await texts(runner, spec, { follow: false, tail: 0, signal }), []);
    assert.equal((await texts(runner, spec, { follow: false, tail: 100, signal })).length, 5);
    const followed = await runner.logs(spec, { follow: true, tail: 1, signal });
    await runner.stop(spec, { timeoutMs: 10_000, signal });
    assert.deepEqual(textsOf(await entries(followed), "stdout"), ["ready", "five"]);
  });

  promise("logs() that follow end when the signal aborts", async (room, signal) => {
    const spec = room.shell(OBEDIENT);
    await room.runner.create(spec, signal);
    await room.runner.start(spec, signal);
    const abort = new AbortController();
    const reader = (await room.runner.logs(spec, { follow: true, signal: abort.signal })).getReader();
    assert.equal((await reader.read()).value?.text, "ready");
    const next = reader.read();
    abort.abort();
    await next.then(({ done }) => assert.ok(done), () => {});
  });

  promise("exec() passes input, output, both streams and the exit code", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell(OBEDIENT);
    spec.env = { ...spec.env, GREETING: "from the spec" };
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    const run = (options: Partial<ExecOptions>) =>
      runner.exec(spec, { command: [], tty: false, stdin: false, signal, ...options });

    const failing = await run({ command: ["/bin/sh", "-c", "echo out; echo err >&2; exit 9"] });
    assert.deepEqual(await outcome(failing), { stdout: "out\n", stderr: "err\n", code: 9 });

    const cat = await run({ command: ["cat"], stdin: true });
    const writer = cat.input.getWriter();
    await writer.write(new TextEncoder().encode("through "));
    await writer.write(new TextEncoder().encode("and through"));
    await writer.close();
    assert.deepEqual(await outcome(cat), { stdout: "through and through", stderr: "", code: 0 });

    const env = await run({
      command: ["/bin/sh", "-c", 'echo "$GREETING, $MORE"'],
      env: { MORE: "and more" },
    });
    assert.equal((await outcome(env)).stdout, "from the spec, and more\n");

    const tty = await run({
      command: ["/bin/sh", "-c", "test -t 0 && test -t 1 && stty size; exit 2"],
      tty: true,
      size: { columns: 91, rows: 33 },
    });
    assert.deepEqual(await outcome(tty), { stdout: "33 91\r\n", stderr: "", code: 2 });
  });

  promise("exec() in a run that does not run is refused", async (room, signal) => {
    const spec = room.shell("exit 0");
    const options = { command: ["true"], tty: false, stdin: false, signal };
    await rejects(room.runner.exec(spec, options), "not_found");
    await room.runner.create(spec, signal);
    await rejects(room.runner.exec(spec, options), "conflict", "failed_precondition");
  });
}

/** Waits for a line of a run's output. */
async function line(
  runner: Runner,
  ref: RunRef,
  { text, signal }: { text: string; signal: AbortSignal },
): Promise<void> {
  const stream = await runner.logs(ref, { follow: true, signal });
  for await (const entry of stream) if (entry.text === text) return;
  assert.fail(`the run ended without printing "${text}"`);
}

/** Waits until a run ended, by way of its events. */
async function ended(runner: Runner, ref: RunRef, signal: AbortSignal) {
  const abort = new AbortController();
  try {
    for await (const _ of runner.events(AbortSignal.any([signal, abort.signal]))) {
      const state = await runner.inspect(ref, signal);
      if (state.state === "exited") return state;
    }
  } finally {
    abort.abort();
  }
  return assert.fail("the run did not end in time");
}

async function entries(stream: ReadableStream<LogEntry>): Promise<LogEntry[]> {
  return await Array.fromAsync(stream);
}

async function texts(runner: Runner, ref: RunRef, options: LogOptions): Promise<string[]> {
  return (await entries(await runner.logs(ref, options))).map((e) => e.text);
}

function textsOf(all: LogEntry[], stream: LogEntry["stream"]): string[] {
  return all.filter((e) => e.stream === stream).map((e) => e.text);
}

async function outcome(session: ExecSession): Promise<{ stdout: string; stderr: string; code: number }> {
  const text = { stdout: "", stderr: "" };
  const decoder = new TextDecoder();
  for await (const { stream, data } of session.output) text[stream] += decoder.decode(data);
  return { ...text, code: await session.exitCode };
}

async function rejects(call: Promise<unknown>, ...codes: string[]): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof RuneError, `expected a RuneError, found ${error}`);
    assert.ok(
      codes.includes(error.code),
      `expected ${codes.join(" or ")}, found ${error.code}: ${error.message}`,
    );
    return true;
  });
}
