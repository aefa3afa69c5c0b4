import assert from "node:assert/strict";
import { abortable } from "../../base/abortable.ts";
import { sleep } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import type { Runner, RunSpec } from "../runner.ts";
import { withRawEngine } from "./raw_engine.ts";
import { createDockerRunner } from "./runner.ts";
import { makeRefusal } from "./test_engine.ts";
import { dockerHere } from "./test_image.ts";
import { makeDockerRoom } from "./test_room.ts";

const ROUNDS = 30;
/** Each round pauses this many milliseconds later than the round before. */
const STEP_MS = 3;
/** How many milliseconds a round may take. A blocked Engine never ends it. */
const ROUND_MS = 20_000;

const options = { command: ["true"], tty: false, stdin: false };

/** Runs a command to its end. @returns its exit code, or the message of the error. */
async function runTrue(runner: Runner, spec: RunSpec, signal: AbortSignal): Promise<number | string> {
  try {
    const session = await runner.exec(spec, { ...options, signal });
    await Array.fromAsync(session.output);
    return await session.exitCode;
  } catch (error) {
    return error instanceof RuneError && error.code === "failed_precondition" ? error.message : String(error);
  }
}

Deno.test({
  name:
    "pause() at any moment of an exec() leaves an Engine that answers, and a command that ran or was refused",
  ignore: !dockerHere,
  async fn() {
    const room = await makeDockerRoom();
    const spec = room.shell("sleep 1000");
    let id: string | undefined;
    try {
      const signal = AbortSignal.timeout(ROUND_MS);
      await room.runner.create(spec, signal);
      id = (await room.runner.start(spec, signal)).handle;
      for (let round = 0; round < ROUNDS; round++) {
        const limit = AbortSignal.timeout(ROUND_MS);
        const ran = runTrue(room.runner, spec, limit);
        await sleep(round * STEP_MS);
        // The next daemon does not know of the command that is being started.
        const runner = round % 3 === 2 ? room.reopen() : room.runner;
        assert.equal((await runner.pause(spec, limit)).paused, true);
        const refused = await runTrue(runner, spec, limit);
        assert.equal(refused, "cannot run true: the container is paused");
        assert.equal((await runner.resume(spec, limit)).paused, undefined);
        const ended = await ran;
        assert.ok(round % 3 === 2 || ended === 0 || ended === refused, `round ${round}: ${ended}`);
      }
      assert.equal(await runTrue(room.runner, spec, AbortSignal.timeout(ROUND_MS)), 0);
    } finally {
      // A blocked Engine removes nothing until the processes continue.
      await thaw(id);
      await room.cleanup();
    }
  },
});

async function thaw(id: string | undefined): Promise<void> {
  if (id === undefined) return;
  const file = `/sys/fs/cgroup/freezer/docker/${id}/freezer.state`;
  await Deno.writeTextFile(file, "THAWED", { create: false }).catch(() => undefined);
}

/** The behaviour of a scripted Engine with one container, and the requests that it received. */
interface Script {
  /** The commands of the container, by id. */
  execs: Record<string, { Running: boolean; Pid: number; ExitCode?: number | null }>;
  /** Whether a started command shows that it runs. */
  starts: boolean;
  /** The Engine's name for the container's state. */
  status: string;
  asked: string[];
}

async function withScript(
  script: Partial<Script>,
  test: (
    context: { runner: Runner; script: Script; awaitRequest(what: string): Promise<void> },
  ) => Promise<void>,
): Promise<void> {
  const whole: Script = { execs: {}, starts: true, status: "running", asked: [], ...script };
  const heard = new Set<() => void>();
  const container = () => ({
    Id: "c1",
    ExecIDs: Object.keys(whole.execs),
    State: {
      Status: whole.status,
      Pid: 7,
      ExitCode: 0,
      OOMKilled: false,
      Error: "",
      StartedAt: "2026-01-01T00:00:00Z",
      FinishedAt: "0001-01-01T00:00:00Z",
    },
    Config: { Labels: null },
    HostConfig: { Memory: 0 },
    NetworkSettings: null,
  });
  await withRawEngine(({ method, path }) => {
    whole.asked.push(`${method} ${path}`);
    for (const hear of heard) hear();
    const exec = /^\/exec\/(\w+)\/(json|start)$/.exec(path);
    if (exec?.[2] === "json") return Response.json({ ...whole.execs[exec[1]!], ContainerID: "c1" });
    if (exec) {
      if (whole.starts) whole.execs[exec[1]!] = { Running: true, Pid: 0 };
      return new Response();
    }
    if (path === "/containers/json") return Response.json([{ Id: "c1", State: "running", Labels: null }]);
    if (path === "/containers/c1/json") return Response.json(container());
    if (path === "/containers/c1/exec") {
      if (whole.status === "paused") {
        return makeRefusal(409, "Container c1 is paused, unpause the container before exec");
      }
      whole.execs.new = { Running: false, Pid: 0 };
      return Response.json({ Id: "new" });
    }
    whole.status = path === "/containers/c1/pause" ? "paused" : "running";
    return new Response(null, { status: 204 });
  }, async (socket) => {
    const runner = createDockerRunner({ socket, daemonId: "d" });
    const awaitRequest = async (what: string) => {
      const limit = AbortSignal.timeout(ROUND_MS);
      while (!whole.asked.includes(what)) {
        const next = Promise.withResolvers<void>();
        heard.add(next.resolve);
        await abortable(next.promise, limit);
        heard.delete(next.resolve);
      }
    };
    try {
      await test({ runner, script: whole, awaitRequest });
    } finally {
      runner.close();
    }
  });
}

const ref = { instanceUid: "u", run: 1 };
const PAUSE = "POST /containers/c1/pause";

Deno.test("pause() waits for a command that another daemon started, not for one that was only created", async () => {
  const execs = { made: { Running: false, Pid: 0, ExitCode: null }, begun: { Running: true, Pid: 0 } };
  await withScript({ execs }, async ({ runner, script, awaitRequest }) => {
    const pausing = runner.pause(ref, AbortSignal.timeout(ROUND_MS));
    await awaitRequest("GET /exec/begun/json");
    assert.ok(!script.asked.includes(PAUSE));
    script.execs.begun = { Running: true, Pid: 99 };
    assert.equal((await pausing).paused, true);
  });
});

Deno.test("pause() stops waiting for a command when its signal aborts, and pauses nothing", async () => {
  await withScript(
    { execs: { begun: { Running: true, Pid: 0 } } },
    async ({ runner, script, awaitRequest }) => {
      const abort = new AbortController();
      const pausing = runner.pause(ref, abort.signal);
      await awaitRequest("GET /exec/begun/json");
      abort.abort();
      await assert.rejects(pausing, { code: "deadline_exceeded" });
      script.execs.begun = { Running: true, Pid: 99 };
      await runner.resume(ref, AbortSignal.timeout(ROUND_MS));
      assert.ok(!script.asked.includes(PAUSE));
    },
  );
});

Deno.test("pause() waits until the start of a command is visible, even if its caller has left", async () => {
  for (const leaves of [false, true]) {
    await withScript({ starts: false }, async ({ runner, script, awaitRequest }) => {
      const abort = new AbortController();
      const running = runner.exec(ref, { ...options, signal: abort.signal }).catch(() => undefined);
      await awaitRequest("GET /exec/new/json");
      if (leaves) abort.abort();
      const pausing = runner.pause(ref, AbortSignal.timeout(ROUND_MS));
      await runner.inspect(ref, AbortSignal.timeout(ROUND_MS));
      assert.ok(!script.asked.includes(PAUSE));
      script.execs.new = { Running: true, Pid: 99 };
      assert.equal((await pausing).paused, true);
      await (await running)?.output.cancel();
    });
  }
});

Deno.test("exec() in a paused container fails with a hint", async () => {
  await withScript({ status: "paused" }, async ({ runner }) => {
    const signal = AbortSignal.timeout(ROUND_MS);
    await assert.rejects(runner.exec(ref, { ...options, signal }), {
      code: "failed_precondition",
      message: "cannot run true: the container is paused",
      hint: /snapshot .* docker unpause/,
    });
  });
});

Deno.test("exec() fails if its container ends before the command starts", async () => {
  await withScript({ starts: false }, async ({ runner, script, awaitRequest }) => {
    const signal = AbortSignal.timeout(ROUND_MS);
    const running = runner.exec(ref, { ...options, signal });
    const refused = assert.rejects(running, {
      code: "failed_precondition",
      message: /does not run any more/,
    });
    await awaitRequest("GET /exec/new/json");
    script.status = "exited";
    await refused;
  });
});
