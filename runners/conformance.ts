/**
 * The conformance suite for runners of real programs: the promises of `runner.ts` as tests.
 * `conformance_lifecycle.ts` has the tests that need no kernel. The tests here need one: missing programs,
 * child processes, terminals, paused output. The suite knows no Engine; a room turns a shell script into a
 * run.
 * @module
 */
import assert from "node:assert/strict";
import { promiseIn, runnerLifecycle, type SuiteOptions } from "./conformance_lifecycle.ts";
import { assertRejects, readEntries, readLine, readTexts, textsOf } from "./conformance_looks.ts";
import { OBEDIENT, scriptOf } from "./conformance_program.ts";
import type { ExecOptions, ExecSession, Runner, RunSpec } from "./runner.ts";

/** The environment of a test: a runner with its own state. */
export interface ConformanceRoom {
  runner: Runner;
  /** Creates a new runner with the same state, as after a crash of the daemon. The old one is closed. */
  reopen(): Promise<Runner>;
  /** Creates the spec of a run whose main process is `/bin/sh -c script`. */
  shell(script: string): RunSpec;
  /** Removes all runs, even running ones, and everything else of the room, and closes its runners. */
  cleanup(): Promise<void>;
}

/** How the suite reaches a runner. */
export type ConformanceOptions = SuiteOptions<ConformanceRoom>;

/**
 * A parent whose child dies on SIGTERM, and saves only when the parent tells it to. Only the parent may get
 * the signal.
 */
const MANAGER = `
  sh -c 'trap "echo child: saved; exit 3" USR1; echo ready; while :; do sleep 0.05; done' &
  child=$!
  trap 'kill -USR1 $child; wait $child; echo "parent: the child ended with $?"; exit 5' TERM
  while :; do sleep 0.05; done`;
/** Longer than a timer counts. */
const MONTHS_MS = 366 * 86_400_000;

/** Registers the tests of one runner. */
export function runnerConformance(options: ConformanceOptions): void {
  runnerLifecycle({
    ...options,
    async make() {
      const room = await options.make();
      return {
        get runner() {
          return room.runner;
        },
        reopen: () => room.reopen(),
        play: (program) => room.shell(scriptOf(program)),
        cleanup: () => room.cleanup(),
      };
    },
  });
  const promise = promiseIn(options);

  promise("rehearse refuses what could not start, runs nothing and leaves nothing", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell("exit 3");
    await runner.rehearse(spec, { covered: [], signal });
    assert.deepEqual(await runner.list(signal), []);
    const makeMissing = (program: string): RunSpec => ({
      ...spec,
      ...(spec.process ? { process: { ...spec.process, command: program } } : { command: [program] }),
    });
    for (const program of ["/opt/nothing/here", "nothing-here"]) {
      await assertRejects(runner.rehearse(makeMissing(program), { covered: [], signal }), "not_found");
      assert.deepEqual(await runner.list(signal), []);
    }
    // What a mount will bring is not there yet.
    await runner.rehearse(makeMissing("/opt/nothing/here"), { covered: ["/opt/nothing"], signal });
    await runner.create(spec, signal);
    await runner.rehearse(spec, { covered: [], signal });
    assert.equal((await runner.inspect(spec, signal)).state, "created");
  });

  promise("stop() asks the main process alone, which ends what it started in order", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell(MANAGER);
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    await readLine(runner, spec, { text: "ready", signal });
    const stopped = await runner.stop(spec, { timeoutMs: MONTHS_MS, signal });
    assert.deepEqual([stopped.exitCode, stopped.killed], [5, undefined]);
    const said = await readTexts(runner, spec, { follow: false, signal });
    assert.deepEqual(said, ["ready", "child: saved", "parent: the child ended with 3"]);
  });

  promise(
    "pause() holds a run still, also for the next daemon, and resume() lets it go on",
    async (room, signal) => {
      const { runner } = room;
      const spec = room.shell("i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done");
      await runner.create(spec, signal);
      assert.equal((await runner.pause(spec, signal)).state, "created", "what does not run is left alone");
      const { handle } = await runner.start(spec, signal);
      await readLine(runner, spec, { text: "3", signal });
      const countPrinted = async (by: Runner) =>
        (await readTexts(by, spec, { follow: false, signal })).length;
      for (let i = 0; i < 2; i++) {
        const paused = await runner.pause(spec, signal);
        assert.deepEqual([paused.state, paused.paused, paused.handle], ["running", true, handle]);
      }
      // Twice: what was printed before may still be on its way into the log.
      await countPrinted(runner);
      const held = await countPrinted(runner);
      const options = { command: ["true"], tty: false, stdin: false, signal };
      await assertRejects(runner.exec(spec, options), "conflict", "failed_precondition");
      const next = await room.reopen();
      const found = await next.inspect(spec, signal);
      assert.deepEqual([found.state, found.paused, found.handle], ["running", true, handle]);
      assert.equal(await countPrinted(next), held, "a line was printed while it was paused");
      for (let i = 0; i < 2; i++) {
        const resumed = await next.resume(spec, signal);
        assert.deepEqual([resumed.state, resumed.paused, resumed.handle], ["running", undefined, handle]);
      }
      await readLine(next, spec, { text: String(held + 3), signal });
    },
  );

  promise("logs() keeps streams apart and follows until the end", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell("echo one; echo two >&2; sleep 0.2; echo three; printf four");
    await runner.create(spec, signal);
    await runner.start(spec, signal);
    const followed = await readEntries(await runner.logs(spec, { follow: true, signal }));
    assert.deepEqual(textsOf(followed, "stdout"), ["one", "three", "four"]);
    assert.deepEqual(textsOf(followed, "stderr"), ["two"]);
    const whole = await readTexts(runner, spec, { follow: false, signal });
    assert.deepEqual(whole.toSorted(), ["four", "one", "three", "two"]);
    await assertRejects(runner.logs(room.shell("exit 0"), { follow: false, signal }), "not_found");
  });

  promise("exec() passes input, output, both streams and the exit code", async (room, signal) => {
    const { runner } = room;
    const spec = room.shell(scriptOf(OBEDIENT));
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
}

async function outcome(session: ExecSession): Promise<{ stdout: string; stderr: string; code: number }> {
  const text = { stdout: "", stderr: "" };
  const decoder = new TextDecoder();
  for await (const { stream, data } of session.output) text[stream] += decoder.decode(data);
  return { ...text, code: await session.exitCode };
}
