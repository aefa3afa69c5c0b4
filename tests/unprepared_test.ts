/**
 * Changes of a running service that cannot succeed never stop it: Rune prepares everything that it can before
 * it touches the old instance.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { allowPath, containerService, hostVolume, processService, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const VOLUME =
  `  volumes: [{ name: d, mountPath: /data, claimTemplate: { size: 1Gi, accessMode: ReadWriteOnce } }]\n`;
const SECRET = `secret: { name: key, data: { a: one } }\n---\n`;
const container = (fields: string, image = TEST_IMAGE, command = ["/bin/sh", "-c", SLEEP]) =>
  `service:\n  name: db\n  image: ${image}\n  command: ${JSON.stringify(command)}\n${fields}`;

interface Told {
  name: string;
  uid: string;
  deletionRequestedAt?: string;
  status: { ready: boolean; startedAt: string; restarts: number };
}
/** The current run: another uid, or a later start, would be an outage. */
const listRunning = async (host: Host) =>
  ((await host.get("instances")).items as Told[])
    .filter((i) => i.status.ready && i.deletionRequestedAt === undefined)
    .map(({ uid, status }) => ({ uid, startedAt: status.startedAt }));

const cast = async (host: Host, text: string) => {
  const began = performance.now();
  const result = await host.run(["cast", await host.file("cast.yaml", text), "--timeout", "40s"]);
  return { ...result, seconds: (performance.now() - began) / 1000 };
};

/** Changes of a service that writes a volume, and the message for each. */
const IMPOSSIBLE: { what: string; text: string; says: RegExp }[] = [
  {
    what: "an image that does not exist",
    text: container(VOLUME, "rune-test/none:1"),
    says: /ImageUnreachable.*cannot replace db-0, which keeps running.*rune-test\/none:1/s,
  },
  {
    what: "a program that the image does not have",
    text: container(VOLUME, TEST_IMAGE, ["postgres"]),
    says: /cannot replace db-0, which keeps running.*has no program "postgres"/s,
  },
  {
    what: "a program by its path",
    text: container(VOLUME, TEST_IMAGE, ["/opt/db/start", "-c"]),
    says: /has no program "\/opt\/db\/start"/,
  },
  {
    what: "more than this host has",
    text: container(`${VOLUME}  resources: { cpu: { limit: "4000" } }\n`),
    says: /cpu/i,
  },
  {
    what: "a secret that is missing",
    text: container(`${VOLUME}  env: { A: "{{ secret:gone/a }}" }\n`),
    says: /secret default\/gone does not exist/,
  },
  {
    what: "a configmap that is missing",
    text: container(`${VOLUME}  envFrom: [{ configName: gone }]\n`),
    says: /configmap default\/gone does not exist/,
  },
  {
    what: "all at once, with strategy recreate",
    text: container(`${VOLUME}  update: { strategy: recreate }\n`, "rune-test/none:1"),
    says: /cannot replace db-0, which keeps running/,
  },
];

Deno.test({
  name: "a writing container keeps running through impossible casts, and each cast says at once why",
  ignore: noDocker || noRoot,
  async fn(t) {
    await ensureTestImage();
    await using host = await startHost();
    assert.equal((await cast(host, container(VOLUME))).code, 0);
    const before = await listRunning(host);
    assert.equal(before.length, 1);
    for (const { what, text, says } of IMPOSSIBLE) {
      await t.step(what, async () => {
        const result = await cast(host, text);
        assert.notEqual(result.code, 0, result.stdout);
        assert.match(result.stderr, says);
        assert.ok(result.seconds < 20, `it took ${result.seconds} s`);
        assert.deepEqual(await listRunning(host), before);
      });
    }
    await t.step(
      "the first cast causes no restart, and a possible change replaces the instance",
      async () => {
        assert.equal((await cast(host, container(VOLUME))).code, 0);
        assert.deepEqual(await listRunning(host), before);
        assert.equal((await cast(host, container(`${VOLUME}  env: { V: "2" }\n`))).code, 0);
        const [after] = await listRunning(host);
        assert.notEqual(after!.uid, before[0]!.uid);
        assert.equal((await host.get("instances")).items.length, 1);
      },
    );
  },
});

Deno.test({
  name: "after a secret is deleted, a restart says so and stops nothing, and continues once it is back",
  ignore: noRoot,
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "rune-test-" });
    await using _dir = { [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
    await using host = await startHost({ runefile: allowPath(dir) });
    const volume = `  volumes: [{ name: d, mountPath: ${dir}, claim: { name: d } }]\n`;
    const db = hostVolume("d", dir) + processService("db", `${volume}  env: { A: "{{ secret:key/a }}" }\n`);
    const first = await cast(host, SECRET + db);
    assert.equal(first.code, 0, first.stderr);
    const before = await listRunning(host);
    await host.rune("secret", "delete", "key", "--yes");
    const failed = await host.run(["restart", "db", "--timeout", "40s"]);
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /secret default\/key does not exist/);
    assert.deepEqual(await listRunning(host), before);

    const missing = await cast(
      host,
      hostVolume("d", dir) + processService("db", volume).replace("/bin/sh", "/opt/nothing"),
    );
    assert.match(missing.stderr, /\/opt\/nothing is not an executable file/);
    assert.deepEqual(await listRunning(host), before);

    // The daemon may die at any moment of it.
    await host.daemon.stop("SIGKILL");
    await host.restart();
    await until("the daemon has looked", async () => (await host.get("instances")).items.length === 2);
    assert.deepEqual(await listRunning(host), before);

    await host.run(["cast", await host.file("db.yaml", db), "--no-wait"]);
    await host.rune("restart", "db", "--no-wait");
    assert.equal((await cast(host, SECRET)).code, 0);
    await until("it was replaced", async () => {
      const now = await listRunning(host);
      return now.length === 1 && now[0]!.uid !== before[0]!.uid;
    });
  },
});

Deno.test({
  name:
    "a start-first successor that cannot start leaves the old instance, and the cast ends with the reason",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    assert.equal((await cast(host, containerService("db"))).code, 0);
    const before = await listRunning(host);
    const result = await cast(host, container("", "rune-test/none:1"));
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /ImageUnreachable/);
    assert.ok(result.seconds < 25, `it took ${result.seconds} s`);
    assert.deepEqual(await listRunning(host), before);
  },
});

/** A registry that accepts connections and never answers. */
function silentRegistry(): Disposable & { port: number; countAsks(): number } {
  const open: Deno.Conn[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const conn of listener) open.push(conn);
  })();
  return {
    port: listener.addr.port,
    countAsks: () => open.length,
    [Symbol.dispose]() {
      listener.close();
      for (const conn of open) conn.close();
    },
  };
}

Deno.test({
  name: "a pull that hangs stops nothing, and the next cast does not wait for it",
  ignore: noDocker || noRoot,
  async fn(t) {
    await ensureTestImage();
    await using host = await startHost();
    for (const [kind, fields] of [["stop-first", VOLUME], ["start-first", ""]] as const) {
      await t.step(kind, async () => {
        using registry = silentRegistry();
        assert.equal((await cast(host, container(fields))).code, 0);
        const before = await listRunning(host);
        const hanging = container(fields, `127.0.0.1:${registry.port}/db:1`);
        await host.run(["cast", await host.file("hanging.yaml", hanging), "--no-wait"]);
        await until("the registry is asked", () => Promise.resolve(registry.countAsks() > 0));
        assert.deepEqual(await listRunning(host), before);
        const next = await cast(host, container(`${fields}  env: { V: "2" }\n`));
        assert.equal(next.code, 0, next.stderr);
        assert.ok(next.seconds < 30, `it took ${next.seconds} s`);
        assert.notEqual((await listRunning(host))[0]!.uid, before[0]!.uid);
        await host.rune("delete", "service", "db", "--yes");
      });
    }
  },
});

Deno.test({
  name: "users of a volume that is being deleted keep running through casts and restarts",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const volume =
      "volume: { name: data, size: 1Gi, accessMode: ReadWriteOnce, reclaimPolicy: retain }\n---\n";
    const claim = "  volumes: [{ name: d, mountPath: /data, claim: { name: data } }]\n";
    assert.equal((await cast(host, volume + container(claim))).code, 0);
    const before = await listRunning(host);
    await host.run(["volume", "delete", "data", "--yes", "--no-wait"]);
    const failed = await host.run(["restart", "db", "--timeout", "40s"]);
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(
      failed.stderr,
      /cannot replace db-0, which keeps running: volume default\/data is being deleted/,
    );
    assert.deepEqual(await listRunning(host), before);
  },
});
