import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { containerName, networkName } from "./labels.ts";
import { createDockerRunner } from "./runner.ts";
import { makeRefusal, withFakeEngine } from "./test_engine.ts";
import { dockerHere } from "./test_image.ts";
import { type DockerRoom, makeDockerRoom } from "./test_room.ts";

function test(name: string, fn: (room: DockerRoom, signal: AbortSignal) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !dockerHere,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    fn: async () => {
      const room = await makeDockerRoom();
      try {
        await fn(room, AbortSignal.timeout(20_000));
      } finally {
        await room.cleanup();
      }
    },
  });
}

/** Runs a command to its end in a running run. */
async function run(
  room: DockerRoom,
  spec: ReturnType<DockerRoom["shell"]>,
  script: string,
  signal: AbortSignal,
) {
  const command = ["/bin/sh", "-c", script];
  const session = await room.runner.exec(spec, { command, tty: false, stdin: false, signal });
  let text = "";
  for await (const { data } of session.output) text += new TextDecoder().decode(data);
  return { text: text.trim(), code: await session.exitCode };
}

test("create() creates a container as the spec says", async (room, signal) => {
  const source = await Deno.makeTempDir();
  try {
    const spec = room.shell("sleep 100", {
      mounts: [{ source, target: "/data", readOnly: true }],
      env: { COLOUR: "green" },
      aliases: ["web", "web.test.rune"],
      resources: { cpu: { limit: "500m" }, memory: { limit: "32Mi" } },
      securityContext: { user: "1000", group: "1000", capDrop: ["ALL"], readOnlyRootFilesystem: true },
    });
    const created = await room.runner.create(spec, signal);
    const raw = await room.readRaw(`/containers/${created.handle}/json`);
    const host = raw.HostConfig as Record<string, unknown>;
    assert.equal(raw.Name, `/${containerName(spec, room.daemonId)}`);
    assert.deepEqual(host.RestartPolicy, { Name: "no", MaximumRetryCount: 0 });
    assert.deepEqual(host.LogConfig, {
      Type: "local",
      Config: { compress: "false", "max-file": "3", "max-size": "10m" },
    });
    assert.equal(host.NanoCpus, 500_000_000);
    assert.equal(host.MemorySwap, 33_554_432);
    const { ip } = await room.runner.start(spec, signal);
    assert.match(ip!, /^\d+\.\d+\.\d+\.\d+$/);
    const seen = await run(room, spec, "id -u; id -g; echo $COLOUR; hostname", signal);
    assert.deepEqual(seen.text.split("\n"), ["1000", "1000", "green", spec.instance]);
    for (const path of ["/data/file", "/file"]) {
      const write = await run(room, spec, `echo x 2>/dev/null >${path}`, signal);
      assert.notEqual(write.code, 0, `${path} was written`);
    }
    const other = room.shell("sleep 100");
    await room.runner.create(other, signal);
    await room.runner.start(other, signal);
    for (const alias of spec.aliases) {
      const { text } = await run(room, other, `ping -c 1 -W 5 ${alias}`, signal);
      assert.ok(text.includes(`(${ip})`), `${alias} is not ${ip}: ${text}`);
    }
  } finally {
    await Deno.remove(source, { recursive: true });
  }
});

test("create() distinguishes temporary failures from permanent ones", async (room, signal) => {
  const cases: [Parameters<DockerRoom["shell"]>[1], Partial<RuneError>][] = [
    [{ image: "rune-test/missing:1" }, { code: "not_found", permanent: false }],
    [{ mounts: [{ source: "/nonexistent", target: "/x", readOnly: true }] }, {
      code: "failed_precondition",
      permanent: false,
    }],
    [{ mounts: [{ source: "/tmp", target: "relative", readOnly: true }] }, {
      code: "invalid_argument",
      permanent: true,
    }],
    [{ securityContext: { seccompProfile: "/nonexistent.json" } }, {
      code: "failed_precondition",
      permanent: false,
    }],
  ];
  for (const [overrides, expected] of cases) {
    const spec = room.shell("exit 0", overrides);
    await assert.rejects(room.runner.create(spec, signal), { name: "RuneError", ...expected });
    assert.equal((await room.runner.inspect(spec, signal)).state, "absent");
  }
});

test("start() that fails says why, changes nothing, and can be repeated", async (room, signal) => {
  const missing = room.shell("", { command: ["/bin/missing"], args: [] });
  await room.runner.create(missing, signal);
  for (let i = 0; i < 2; i++) {
    await assert.rejects(room.runner.start(missing, signal), (error) => {
      assert.ok(error instanceof RuneError);
      assert.equal(error.code, "failed_precondition");
      assert.equal(error.permanent, false);
      assert.match(error.message, /\/bin\/missing/);
      return true;
    });
  }
  const state = await room.runner.inspect(missing, signal);
  assert.equal(state.state, "created");
  assert.match(state.error!, /\/bin\/missing/);

  const listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  try {
    const publish = [{ port: 80, hostPort: listener.addr.port, protocol: "tcp" as const }];
    const blocked = room.shell("sleep 100", { publish });
    await room.runner.create(blocked, signal);
    await assert.rejects(room.runner.start(blocked, signal), {
      code: "failed_precondition",
      permanent: false,
    });
  } finally {
    listener.close();
  }
});

test("a container of another daemon is never adopted or listed", async (room, signal) => {
  const theirs = await makeDockerRoom();
  try {
    const spec = theirs.shell("sleep 100");
    await theirs.runner.create(spec, signal);
    await theirs.runner.start(spec, signal);
    assert.deepEqual(await room.runner.list(signal), []);
    assert.equal((await room.runner.inspect(spec, signal)).state, "absent");
    assert.equal((await room.runner.stop(spec, { timeoutMs: 0, signal })).state, "absent");
    await room.runner.remove(spec, signal);
    assert.equal((await theirs.runner.inspect(spec, signal)).state, "running");

    const squatted = room.shell("exit 0");
    await room.send(`/containers/create?name=${containerName(squatted, room.daemonId)}`, "POST", {
      Image: squatted.image,
      Labels: { "rune.io/daemon": theirs.daemonId },
    });
    await assert.rejects(room.runner.create(squatted, signal), { code: "conflict" });
  } finally {
    await theirs.cleanup();
  }
});

test("every call follows a container that was removed behind the runner's back", async (room, signal) => {
  const spec = room.shell("sleep 100");
  const { handle } = await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  await room.send(`/containers/${handle}?force=1`, "DELETE");
  assert.equal((await room.runner.stop(spec, { timeoutMs: 1000, signal })).state, "absent");
  await room.runner.remove(spec, signal);
  await assert.rejects(room.runner.logs(spec, { follow: false, signal }), { code: "not_found" });
  assert.equal(await room.runner.stats!(spec, signal), undefined);
  assert.notEqual((await room.runner.create(spec, signal)).handle, handle);
  assert.equal((await room.runner.start(spec, signal)).state, "running");
});

const SMALL = { resources: { memory: { limit: "8Mi" } } };

/** Starts a run and waits for its end. */
async function runToEnd(room: DockerRoom, spec: ReturnType<DockerRoom["shell"]>, signal: AbortSignal) {
  const events = room.runner.events(signal);
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  for await (const _ of events) {
    const state = await room.runner.inspect(spec, signal);
    if (state.state === "exited") return state;
  }
  throw new Error("the events ended");
}

test("inspect() reports that memory ran out, but not after another SIGKILL", async (room, signal) => {
  const { oomKilled, exitCode } = await runToEnd(room, room.shell("tail /dev/zero", SMALL), signal);
  assert.deepEqual([oomKilled, exitCode], [true, 137]);
  const spec = room.shell("sleep 100", SMALL);
  await room.runner.create(spec, signal);
  const { handle } = await room.runner.start(spec, signal);
  await room.send(`/containers/${handle}/kill`, "POST");
  const killed = await room.runner.stop(spec, { timeoutMs: 1000, signal });
  assert.deepEqual([killed.oomKilled, killed.exitCode], [false, 137]);
});

test("inspect() asks the kernel if the Engine did not notice that memory ran out", async (room, signal) => {
  const spec = room.shell("tail /dev/zero", SMALL);
  const { handle } = await runToEnd(room, spec, signal);
  const raw = await room.readRaw(`/containers/${handle}/json`);
  const listed = await room.list("/containers/json?all=1");
  const missed = { ...raw, State: { ...raw.State as object, OOMKilled: false } };
  await withFakeEngine(
    ({ path }) =>
      path === "/containers/json"
        ? Response.json(listed.filter(({ Id }) => Id === handle))
        : path === `/containers/${handle}/json`
        ? Response.json(missed)
        : makeRefusal(404, path),
    async (_, socket) => {
      const runner = createDockerRunner({ socket, daemonId: room.daemonId });
      try {
        const { success: readable } = await new Deno.Command("dmesg", { stdout: "null" }).output();
        assert.equal((await runner.inspect(spec, signal)).oomKilled, readable);
      } finally {
        runner.close();
      }
    },
  );
});

test("exec() kills its command if the signal aborts or the reader cancels", async (room, signal) => {
  const spec = room.shell("sleep 100");
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const begin = async (abort: AbortSignal) => {
    const command = ["/bin/sh", "-c", "echo begun; sleep 77; echo never"];
    const session = await room.runner.exec(spec, { command, tty: false, stdin: false, signal: abort });
    const reader = session.output.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value!.data), "begun\n");
    return { session, reader };
  };
  const abort = new AbortController();
  const aborted = await begin(abort.signal);
  const reading = assert.rejects(aborted.reader.read(), { code: "deadline_exceeded" });
  abort.abort();
  await reading;
  await assert.rejects(aborted.session.exitCode, { code: "deadline_exceeded" });
  const left = await begin(signal);
  await left.reader.cancel();
  assert.equal(await left.session.exitCode, 137);
  const { text } = await run(room, spec, "ps", signal);
  assert.match(text, /sleep 100/);
  assert.doesNotMatch(text, /sleep 77/);
});

test("exec() passes megabytes both ways and refuses input that was not asked for", async (room, signal) => {
  const spec = room.shell("sleep 100");
  await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  const bytes = new Uint8Array(3 << 20).map((_, i) => i % 251);
  const cat = await room.runner.exec(spec, { command: ["cat"], tty: false, stdin: true, signal });
  const [, back] = await Promise.all([
    new Blob([bytes]).stream().pipeTo(cat.input),
    Array.fromAsync(cat.output, (part) => part.data),
  ]);
  assert.equal(await cat.exitCode, 0);
  const all = new Uint8Array(await new Blob(back as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  assert.ok(all.length === bytes.length && all.every((byte, i) => byte === bytes[i]), "the bytes differ");

  const deaf = await room.runner.exec(spec, { command: ["true"], tty: false, stdin: false, signal });
  await assert.rejects(deaf.input.getWriter().write(bytes), { code: "failed_precondition" });
  await Array.fromAsync(deaf.output);
  assert.equal(await deaf.exitCode, 0);
});

test("stats() measures a busy run, and returns nothing for one that does not run", async (room, signal) => {
  const busy = room.shell("while :; do :; done", { resources: { cpu: { limit: "200m" } } });
  await room.runner.create(busy, signal);
  assert.equal(await room.runner.stats!(busy, signal), undefined);
  await room.runner.start(busy, signal);
  const first = await room.runner.stats!(busy, signal);
  assert.ok(first && first.memoryBytes > 0);
  assert.ok(first.milliCpu > 20 && first.milliCpu < 600, `${first.milliCpu} is not near 200`);
  await room.runner.stop(busy, { timeoutMs: 0, signal });
  assert.equal(await room.runner.stats!(busy, signal), undefined);
});

Deno.test("createDockerRunner() never calls a run absent while the Engine cannot be reached", async () => {
  const runner = createDockerRunner({ socket: "/nonexistent/docker.sock", daemonId: "d" });
  const signal = AbortSignal.timeout(10_000);
  const ref = { instanceUid: "u", run: 1 };
  try {
    const calls = [
      runner.check(signal),
      runner.inspect(ref, signal),
      runner.list(signal),
      runner.remove(ref, signal),
      runner.stop(ref, { timeoutMs: 0, signal }),
      runner.exec(ref, { command: ["true"], tty: false, stdin: false, signal }),
    ];
    await Promise.all(calls.map((call) => assert.rejects(call, { code: "unavailable" })));
  } finally {
    runner.close();
  }
});

Deno.test("names differ between daemons and namespaces", () => {
  assert.notEqual(networkName("a", "d1"), networkName("a", "d2"));
  assert.notEqual(networkName("a", "d1"), networkName("b", "d1"));
});

test(
  "publish() changes the names of a run, which keeps its address, its open connections and its published port",
  async (room, signal) => {
    const hostPort = 30_000 + Math.floor(Math.random() * 5000);
    const serve = "while :; do nc -l -p 80 -e cat; done";
    const spec = room.shell(serve, { aliases: [], publish: [{ port: 80, hostPort, protocol: "tcp" }] });
    const other = room.shell("sleep 100");
    for (const each of [spec, other]) {
      await room.runner.create(each, signal);
      await room.runner.start(each, signal);
    }
    const finds = async (name: string) => (await run(room, other, `nslookup ${name}`, signal)).code === 0;
    const before = await room.runner.inspect(spec, signal);
    assert.deepEqual(before.names, [spec.instance], "the Engine itself adds the host name");
    assert.equal(await finds("web"), false);
    for (const names of [["web", "web.test.rune"], []]) {
      await room.runner.publish!(spec, { names, signal });
      const after = await room.runner.inspect(spec, signal);
      assert.equal(after.ip, before.ip);
      assert.equal(await finds("web"), names.length > 0);
      const raw = await room.readRaw(`/containers/${after.handle}/json`);
      const { Ports } = raw.NetworkSettings as { Ports: Record<string, { HostPort: string }[]> };
      assert.equal(Ports["80/tcp"]?.[0]?.HostPort, String(hostPort));
    }
  },
);

test("inspect() returns a name that is also the beginning of the container's id", async (room, signal) => {
  const spec = room.shell("sleep 100");
  const { handle } = await room.runner.create(spec, signal);
  await room.runner.start(spec, signal);
  for (const digits of [1, 2, 11]) {
    const name = handle!.slice(0, digits);
    await room.runner.publish!(spec, { names: [name], signal });
    const { names } = await room.runner.inspect(spec, signal);
    assert.deepEqual(names?.filter((one) => one !== spec.instance), [name]);
  }
});

test(
  "publish() connects a run to the shared network under a name, and removes the name again",
  async (room, signal) => {
    const spec = room.shell("sleep 100");
    const other = room.shell("sleep 100", { namespace: "elsewhere", joinsShared: true });
    for (const each of [spec, other]) {
      await room.runner.create(each, signal);
      await room.runner.start(each, signal);
    }
    const finds = async () => (await run(room, other, "nslookup db.test.rune", signal)).code === 0;
    assert.equal(await finds(), false);
    await room.runner.publish!(spec, { names: [], sharedNames: ["db.test.rune"], signal });
    assert.ok(await finds());
    assert.deepEqual((await room.runner.inspect(other, signal)).sharedNames, [other.instance]);
    await room.runner.publish!(spec, { names: [], sharedNames: [], signal });
    assert.equal(await finds(), false);
    await room.runner.stop(spec, { timeoutMs: 0, signal });
    await room.runner.publish!(spec, { names: ["late"], signal });
  },
);
