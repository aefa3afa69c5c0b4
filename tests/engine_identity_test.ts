/**
 * The Engine is replaced or emptied under a running daemon, or a daemon meets another one with its id.
 * Nothing counts as gone without proof, no volume gets a second writer, and an operator can end the wait.
 * Each test has its own Engines.
 * @module
 */
import assert from "node:assert/strict";
import { createDockerRunner } from "../runners/docker/runner.ts";
import { TEST_IMAGE } from "../runners/docker/test_image.ts";
import type { EngineBond, EngineRecord } from "../runners/engine_bond.ts";
import type { RunSpec } from "../runners/runner.ts";
import { RuneError } from "../model/error.ts";
import { capture } from "../scripts/command.ts";
import { type Daemon, startDaemon } from "../scripts/daemon.ts";
import { openEngine } from "../scripts/engine.ts";
import { findInterleaved, writerScript } from "./access_judge.ts";
import { containerService, processService, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { makePrivateEngine, type PrivateEngine } from "./private_engine.ts";
import { noDocker, noRoot } from "./skips.ts";

/** Services that all write the same volume, of which only one can have it. */
const writer = (name: string, scale = 1) =>
  `---
service:
  name: ${name}
  image: ${TEST_IMAGE}
  command: ["/bin/sh", "-c", ${
    JSON.stringify(writerScript(`${name}-$(cat /proc/sys/kernel/random/uuid)`, "usleep 40000"))
  }]
  scale: ${scale}
  stopTimeout: 1s
  volumes: [{ name: d, mountPath: /data, claim: { name: v } }]
`;
const VOLUME = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n";

/** A path that leads to one Engine and later to another. */
async function makeSwitch(engine: PrivateEngine) {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-switch-" });
  const socket = `${dir}/docker.sock`;
  const leadTo = async ({ socket: target }: PrivateEngine) => {
    await Deno.symlink(target, `${dir}/next`);
    await Deno.rename(`${dir}/next`, socket);
  };
  await leadTo(engine);
  return { socket, leadTo, [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
}

/** Everything on an Engine with the label of a host's daemon, as the Engine reports it. */
async function onEngine({ socket }: PrivateEngine, daemonId: string) {
  const engine = openEngine(socket);
  const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${daemonId}`] }));
  try {
    const containers = await engine.call(`GET /containers/json?all=1&filters=${filters}`);
    const networks = await engine.call(`GET /networks?filters=${filters}`);
    const { Volumes } = await engine.call(`GET /volumes?filters=${filters}`) as { Volumes: unknown[] | null };
    return {
      containers: containers as { Id: string; State: string }[],
      networks: networks as unknown[],
      marks: Volumes ?? [],
    };
  } finally {
    engine.close();
  }
}

async function pidOf({ socket }: PrivateEngine, id: string): Promise<number> {
  const engine = openEngine(socket);
  try {
    return (await engine.call(`GET /containers/${id}/json`) as { State: { Pid: number } }).State.Pid;
  } finally {
    engine.close();
  }
}

const logOf = (host: Host) => Deno.readTextFile(`${host.dataDir}/volumes/default/v/log`).catch(() => "");
/** The runs that wrote, in the order in which they started. */
const writers = async (
  host: Host,
) => [...new Set((await logOf(host)).trim().split("\n").filter((l) => l !== ""))];

async function instanceOf(host: Host, service: string) {
  return (await host.get("instances")).items.find((i: { spec: { service: string } }) =>
    i.spec.service === service
  );
}

const runs = (host: Host, service: string) =>
  until(`${service} runs`, async () => {
    const instance = await instanceOf(host, service);
    return instance?.status.state === "Running" && instance;
  });

/** Waits until the daemon has written once more, which shows that it goes on. */
async function writesOn(host: Host): Promise<void> {
  const { length } = await logOf(host);
  await until("the writer goes on", async () => (await logOf(host)).length > length);
}

/** What `rune status` says about the Docker runner while it manages nothing. */
const refusalOf = (host: Host, reason: RegExp) =>
  until(`rune status says ${reason}`, async () => {
    const text = await host.rune("status");
    return reason.test(text) && text;
  });

/**
 * What must hold while the daemon waits for an operator: the writer goes on alone, its successor waits,
 * nothing is created.
 */
async function assertHeld(host: Host, { reason, hint }: { reason: RegExp; hint: RegExp }): Promise<void> {
  const said = await refusalOf(host, reason);
  assert.match(said, /docker runner unavailable: no containers are managed/);
  assert.match(said, hint);
  const heir = await until("the successor says why it waits", async () => {
    const instance = await instanceOf(host, "heir");
    return instance?.status.message !== undefined && instance;
  });
  assert.notEqual(heir.status.state, "Running");
  await until("the one that is to stop says why it cannot", async () => {
    const instance = await instanceOf(host, "first");
    return instance !== undefined && reason.test(instance.status.message ?? "");
  });
  await writesOn(host);
  assert.equal((await writers(host)).length, 1, "nobody else wrote");
  assert.match(await Deno.readTextFile(`${host.home}/daemon.log`), reason);
}

/**
 * A host whose `first` writes and is asked to stop, and whose `heir` waits for the volume, after `change`.
 */
async function castWriters(host: Host, change: () => Promise<void>): Promise<{ id: string }> {
  await host.rune("cast", await host.file("first.yaml", VOLUME + writer("first")));
  const { status: { handle } } = await runs(host, "first");
  await until("the first writes", async () => (await writers(host)).length === 1);
  await change();
  // Existing connections still get the truth; from here on nobody is connected.
  await refusalOf(host, /no containers are managed/);
  await host.run(["cast", await host.file("both.yaml", writer("first", 0) + writer("heir")), "--no-wait"]);
  return { id: handle };
}

/** The operator ends the wait: the heir writes, and nobody else. */
async function assertAdopted(host: Host, flag: string): Promise<void> {
  const refused = await host.run(["admin", "adopt-engine"]);
  assert.equal(refused.code, 5, refused.stderr);
  assert.match(refused.stderr, new RegExp(`hint: .*rune admin adopt-engine ${flag}`));
  assert.match(await host.rune("admin", "adopt-engine", flag), /now belongs to this daemon/);
  await runs(host, "heir");
  await until("the heir writes", async () => (await writers(host)).length === 2);
  assert.deepEqual(findInterleaved(await logOf(host)), []);
  assert.match(await host.rune("status"), /docker runner ok/);
  assert.match(await host.rune("admin", "adopt-engine", flag), /already belongs to this daemon/);
  await host.rune("delete", "service", "first", "heir", "--yes");
}

Deno.test({
  name:
    "another Engine behind the socket proves nothing: leases stay and nothing is created there until an operator decides",
  ignore: noDocker || noRoot,
  async fn() {
    await using former = await makePrivateEngine();
    await using other = await makePrivateEngine();
    await Promise.all([former.start(), other.start()]);
    await using way = await makeSwitch(former);
    await using host = await startHost({ runefile: `docker: { socket: ${way.socket} }\n` });
    const { id } = await castWriters(host, () => way.leadTo(other));
    const why = {
      reason: /another Docker Engine answers than the one/,
      hint: /rune admin adopt-engine --containers-are-gone/,
    };
    await assertHeld(host, why);
    // The next daemon knows it too, before it acts.
    await host.daemon.stop("SIGKILL");
    await host.restart();
    await assertHeld(host, why);
    assert.deepEqual(await onEngine(other, host.daemonId), { containers: [], networks: [], marks: [] });
    const [container] = (await onEngine(former, host.daemonId)).containers;
    assert.deepEqual([container?.Id, container?.State], [id, "running"]);

    // With the original Engine back, it continues by itself.
    await way.leadTo(former);
    await until("the first has stopped", async () => await instanceOf(host, "first") === undefined);
    await runs(host, "heir");
    assert.deepEqual(findInterleaved(await logOf(host)), []);
    await host.rune("delete", "service", "first", "heir", "--yes");
  },
});

Deno.test({
  name:
    "rune admin adopt-engine --containers-are-gone accepts another Engine, and from then on refuses the former one",
  ignore: noDocker || noRoot,
  async fn() {
    await using former = await makePrivateEngine();
    await using other = await makePrivateEngine();
    await Promise.all([former.start(), other.start()]);
    await using way = await makeSwitch(former);
    await using host = await startHost({ runefile: `docker: { socket: ${way.socket} }\n` });
    await castWriters(host, () => way.leadTo(other));
    // What the operator confirms is true.
    await former.stop("SIGTERM");
    await assertAdopted(host, "--containers-are-gone");
    assert.equal((await onEngine(other, host.daemonId)).marks.length, 1);
    assert.match(await host.rune("admin", "audit"), /adopt-engine.*containersAreGone: adopted Docker Engine/);
  },
});

Deno.test({
  name: "an Engine that lost its data proves nothing, although its id and its socket are the same",
  ignore: noDocker || noRoot,
  async fn() {
    await using engine = await makePrivateEngine();
    await engine.start({ keepsContainers: true });
    await using host = await startHost({ runefile: `docker: { socket: ${engine.socket} }\n` });
    let pid = 0;
    try {
      await castWriters(host, async () => {
        const [container] = (await onEngine(engine, host.daemonId)).containers;
        pid = await pidOf(engine, container!.Id);
        await engine.stop("SIGKILL");
        await engine.empty();
        await engine.start({ keepsContainers: true });
      });
      await assertHeld(host, {
        reason: /knows nothing of the containers .* was emptied or exchanged/,
        hint: /rune admin adopt-engine --containers-are-gone/,
      });
      assert.deepEqual(await onEngine(engine, host.daemonId), { containers: [], networks: [], marks: [] });
      Deno.kill(pid, "SIGKILL");
      await assertAdopted(host, "--containers-are-gone");
    } finally {
      try {
        if (pid > 0) Deno.kill(pid, "SIGKILL");
      } catch {
        // It is gone, as it should be.
      }
    }
  },
});

Deno.test({
  name: "a pruned mark is restored if the containers identify the Engine, or if no containers are expected",
  ignore: noDocker || noRoot,
  async fn() {
    await using engine = await makePrivateEngine();
    await engine.start();
    await using host = await startHost({ runefile: `docker: { socket: ${engine.socket} }\n` });
    const prune = async () => {
      const docker = openEngine(engine.socket);
      const { Volumes } = await docker.call("GET /volumes") as { Volumes: { Name: string }[] };
      for (const { Name } of Volumes) await docker.call(`DELETE /volumes/${Name}`);
      docker.close();
      assert.equal(Volumes.length, 1);
    };
    const isBack = () =>
      until("the mark is back", async () => {
        await host.rune("status");
        return (await onEngine(engine, host.daemonId)).marks.length === 1;
      });
    assert.match(await host.rune("status"), /docker runner ok/);
    assert.deepEqual(
      (await onEngine(engine, host.daemonId)).marks,
      [],
      "none before there is something to find",
    );
    await host.rune("cast", await host.file("first.yaml", VOLUME + writer("first")));
    const { status } = await runs(host, "first");
    await prune();
    await isBack();
    assert.match(await host.rune("status"), /docker runner ok/);
    assert.equal((await runs(host, "first")).status.handle, status.handle, "it went on");
    await host.rune("delete", "service", "first", "--yes");
    await until("it is gone", async () => (await host.get("instances")).items.length === 0);
    await prune();
    assert.match(await host.rune("status"), /docker runner ok/);
    await host.rune("cast", await host.file("heir.yaml", writer("heir")));
    await isBack();
    await host.rune("delete", "service", "heir", "--yes");
  },
});

/** A socket that leads each connection to the next of several Engines. */
async function makeRoundabout(engines: PrivateEngine[]) {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-roundabout-" });
  const socket = `${dir}/docker.sock`;
  const listener = Deno.listen({ transport: "unix", path: socket });
  const open = new Set<Deno.UnixConn>();
  let count = 0;
  const pass = async (client: Deno.UnixConn) => {
    const { socket: path } = engines[count++ % engines.length]!;
    const engine = await Deno.connect({ transport: "unix", path });
    for (const conn of [client, engine]) open.add(conn);
    await Promise.allSettled([
      client.readable.pipeTo(engine.writable),
      engine.readable.pipeTo(client.writable),
    ]);
  };
  const passing: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) passing.push(pass(client));
  })();
  return {
    socket,
    engines,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) {
        try {
          conn.close();
        } catch {
          // The other side closed it.
        }
      }
      await accepting;
      await Promise.allSettled(passing);
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** In-memory stand-in for what a daemon remembers. */
function memoryBond(): EngineBond {
  const place = { machine: "m", dataDir: "/d", inode: "1" };
  let known: EngineRecord | undefined;
  return {
    place,
    lastPlace: () => Promise.resolve(place),
    record: () => Promise.resolve(known),
    remember: (record) => Promise.resolve(void (known = record)),
    expectsRuns: () => true,
  };
}

Deno.test({
  name:
    "whichever Engine each connection leads to, a live run is never declared absent, and nothing is created elsewhere",
  ignore: noDocker || noRoot,
  async fn() {
    await using former = await makePrivateEngine();
    await using other = await makePrivateEngine();
    await Promise.all([former.start(), other.start()]);
    await using way = await makeRoundabout([former]);
    const daemonId = crypto.randomUUID();
    const runner = createDockerRunner({ socket: way.socket, daemonId, bond: memoryBond() });
    try {
      const signal = AbortSignal.timeout(50_000);
      const spec = (instanceUid: string): RunSpec => ({
        instanceUid,
        run: 1,
        namespace: "test",
        service: "web",
        instance: "web-0",
        generation: 1,
        specHash: "hash",
        image: TEST_IMAGE,
        command: ["/bin/sh", "-c"],
        args: [SLEEP],
        env: {},
        mounts: [],
        aliases: [],
        publish: [],
      });
      const ref = { instanceUid: "one", run: 1 };
      await runner.create(spec("one"), signal);
      await runner.start(ref, signal);
      way.engines.push(other);
      const answers: Record<string, number> = {};
      const ask = async (what: string, call: () => Promise<string>) => {
        const answer = await call().catch((error) => error instanceof RuneError ? error.code : String(error));
        const key = `${what} ${answer}`;
        answers[key] = (answers[key] ?? 0) + 1;
      };
      const until = Date.now() + 8_000;
      while (Date.now() < until) {
        await Promise.all([
          ask("inspect", async () => (await runner.inspect(ref, signal)).state),
          ask("list", async () => (await runner.list(signal)).map(({ state }) => state).join()),
          ask("create", async () => (await runner.create(spec("two"), signal)).state),
          new Promise((resolve) => setTimeout(resolve, 20)),
        ]);
      }
      const allowed =
        /^(inspect running|list (running|running,created|created,running)|create created|\w+ unavailable)$/;
      assert.deepEqual(Object.keys(answers).filter((answer) => !allowed.test(answer)), []);
      const own = Object.entries(answers).filter(([answer]) => !answer.endsWith("unavailable"));
      assert.ok(own.length > 0, "the own Engine answered too");
      assert.ok(answers["inspect unavailable"]! > 10, "the other one was met");
      assert.deepEqual(await onEngine(other, daemonId), { containers: [], networks: [], marks: [] });
    } finally {
      runner.close();
    }
  },
});

/**
 * A daemon on a copy of a host's data directory. It sees the copy at the original's path and none of the
 * host's locks.
 */
async function startApart(host: Host, { copy, runefile }: { copy: string; runefile: string }) {
  const home = `${host.home}/apart`;
  await Deno.mkdir(home);
  await Deno.writeTextFile(`${home}/runefile.yaml`, `${runefile}auth: { enabled: false }\n`);
  const view =
    'mount -t tmpfs -o mode=0755 tmpfs /run/rune && mount --bind "$1" "$2" && shift 2 && exec "$@"';
  const daemon = await startDaemon(home, {
    devMode: false,
    args: ["--config", `${home}/runefile.yaml`],
    dataDir: host.dataDir,
    prefix: ["unshare", "--mount", "sh", "-c", view, "sh", copy, host.dataDir],
  });
  return { daemon, [Symbol.asyncDispose]: () => daemon.stop("SIGKILL") };
}

/** What a daemon says about its Docker runner. */
async function dockerOf({ url }: Daemon): Promise<{ ok: boolean; message?: string }> {
  const { runners } = await (await fetch(`${url}/v1/status`)).json();
  return runners.find(({ name }: { name: string }) => name === "docker");
}

const post = (url: string, body: unknown) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

Deno.test({
  name:
    "a copy of a data directory does not start beside its original, and elsewhere touches no container until it takes over",
  ignore: noDocker || noRoot,
  async fn() {
    await using engine = await makePrivateEngine();
    await engine.start();
    const runefile = `docker: { socket: ${engine.socket} }\n`;
    await using host = await startHost({ runefile });
    await host.rune("cast", await host.file("first.yaml", VOLUME + writer("first")));
    const { status: { handle } } = await runs(host, "first");
    const copy = `${host.home}/copy`;
    const another = `${host.home}/another`;
    for (const path of [copy, another]) await capture(["cp", "-a", host.dataDir, path]);
    const serveCopy = () =>
      host.run([
        "serve",
        "--config",
        `${host.home}/runefile.yaml`,
        "--data-dir",
        another,
        "--http-addr",
        "127.0.0.1:0",
      ]);
    const beside = await serveCopy();
    assert.equal(beside.code, 1);
    assert.match(
      beside.stderr,
      new RegExp(`is already running, with the data directory ${host.dataDir} \\(pid \\d+\\)`),
    );
    assert.match(beside.stderr, /hint: .*rune admin restore --as-copy/);

    await using apart = await startApart(host, { copy, runefile });
    const { url } = apart.daemon;
    const state = async () => {
      const [container, ...more] = (await onEngine(engine, host.daemonId)).containers;
      assert.deepEqual(more, []);
      return [container?.Id, container?.State];
    };
    const said = await dockerOf(apart.daemon);
    assert.ok(!said.ok);
    assert.match(said.message!, /was copied or moved: .*rune admin adopt-engine --take-over/);
    await (await post(`${url}/v1/namespaces/default/services/first/actions/scale`, { scale: 0 })).body
      ?.cancel();
    await until("the copy says why it cannot stop the container", async () => {
      const [instance] = (await (await fetch(`${url}/v1/instances`)).json()).items;
      return /was copied or moved/.test(instance?.status.message ?? "");
    });
    await writesOn(host);
    assert.deepEqual(await state(), [handle, "running"]);
    assert.ok((await dockerOf(host.daemon)).ok, "the original goes on");
    assert.equal((await writers(host)).length, 1);

    // The original dies, and its container keeps running.
    await host.daemon.stop("SIGKILL");
    const after = await serveCopy();
    assert.equal(after.code, 1);
    assert.match(after.stderr, new RegExp(`is a copy of the data directory ${host.dataDir}`));
    assert.ok(!(await dockerOf(apart.daemon)).ok);
    await writesOn(host);
    const refused = await post(`${url}/v1/admin/adopt-engine`, { containersAreGone: true });
    assert.equal(refused.status, 412);
    assert.match((await refused.json()).hint, /--take-over/);
    assert.deepEqual(await state(), [handle, "running"]);

    const taken = await post(`${url}/v1/admin/adopt-engine`, { takeOver: true });
    assert.equal((await taken.json()).changed, true);
    await until("the copy stops the container", async () => (await state())[0] === undefined);
    assert.deepEqual(findInterleaved(await logOf(host)), []);
    // And the original, back again, holds nothing any more.
    await host.restart();
    await refusalOf(host, /a daemon with the same id in .* has taken the Docker Engine over/);
    await until("its service says so", async () => {
      const { status } = await host.get("service", "first");
      return /has taken the Docker Engine over.*--take-over/.test(status.message ?? "") &&
        status.state === "Running";
    });
    await apart.daemon.stop("SIGKILL");
    await host.rune("admin", "adopt-engine", "--take-over");
    await runs(host, "first");
    await host.rune("delete", "service", "first", "--yes");
  },
});

Deno.test({
  name:
    "an Engine that accepts connections and never answers blocks neither processes nor the end of the daemon",
  ignore: noRoot,
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "rune-test-hung-" });
    const listener = Deno.listen({ transport: "unix", path: `${dir}/docker.sock` });
    const held: Deno.UnixConn[] = [];
    const accepting = (async () => {
      for await (const conn of listener) held.push(conn);
    })();
    try {
      await using host = await startHost({ runefile: `docker: { socket: ${dir}/docker.sock }\n` });
      await host.run(["cast", await host.file("web.yaml", containerService("web")), "--no-wait"]);
      await host.rune("cast", await host.file("agent.yaml", processService("agent")));
      assert.match(await host.rune("status"), /docker runner unavailable: .*Docker did not answer in time/);
      assert.ok(held.length > 0, "it was asked");
      await host.rune("delete", "service", "agent", "--yes");
      await host.rune("delete", "service", "web", "--yes");
      const began = performance.now();
      await host.daemon.stop();
      assert.ok(performance.now() - began < 10_000, "the daemon waits for nobody");
      assert.match(await host.daemon.lastWords(), /stopped$/);
    } finally {
      listener.close();
      await accepting;
      for (const conn of held) conn.close();
      await Deno.remove(dir, { recursive: true });
    }
  },
});
