/**
 * Tests a restore while parts of the same daemon still run: what it finds, what it asks, and the effect of
 * each answer.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { endCaddy } from "../node/proxy/caddy/caddy_process.ts";
import { caddyFiles } from "../node/proxy/caddy/config.ts";
import { findRunningCaddies } from "../node/proxy/caddy/strays.ts";
import { readProcess } from "../runners/process/proc.ts";
import { RUNE, startDaemon } from "../scripts/daemon.ts";
import { removeFromEngine, removeProcesses } from "../scripts/leftovers.ts";
import { openEngine } from "../scripts/engine.ts";
import { allowPath, hostVolume, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noCaddy, noDocker, noRoot } from "./skips.ts";

/** Unused ports. */
function freePorts(): [number, number] {
  using one = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  using two = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  return [one.addr.port, two.addr.port];
}

/**
 * A container with a volume, a secret as a file and a host name, and a process that writes a directory of the
 * host.
 */
const things = (shared: string) =>
  `secret: { name: db, data: { password: in-memory-only } }
---
volumes:
  - { name: data, size: 1Gi, accessMode: ReadWriteOnce, reclaimPolicy: delete }
  - { name: orders, size: 1Gi, accessMode: ReadWriteOnce, reclaimPolicy: delete }
---
${hostVolume("shared", shared)}service:
  name: web
  image: ${TEST_IMAGE}
  command: ["/bin/sh", "-c", ${JSON.stringify(`echo of-$HOSTNAME >> /data/f; ${SLEEP}`)}]
  stopTimeout: 1s
  ports: [{ name: http, port: 80 }]
  expose: { port: http, host: web.local }
  volumes: [{ name: d, mountPath: /data, claim: { name: data } }]
  secretMounts: [{ name: s, mountPath: /secret, secretName: db }]
---
service:
  name: agent
  process: { command: /bin/sh, args: ["-c", ${JSON.stringify(SLEEP)}] }
  stopTimeout: 1s
  volumes: [{ name: d, mountPath: ${shared}, claim: { name: shared } }]
`;

interface Ran {
  host: Host;
  backup: string;
  ports: [number, number];
  /** The directory that the process writes. */
  shared: string;
  /** The pid of the process. */
  pid: number;
}

/** A host with auth, its runs, and a backup of it with the data of one volume. */
async function startAndBackUp(): Promise<Ran> {
  await ensureTestImage();
  const ports = freePorts();
  const shared = await Deno.makeTempDir({ prefix: "rune-test-shared-" });
  const [httpPort, httpsPort] = ports;
  const host = await startHost({
    runefile: `auth: { enabled: true }\n${allowPath(shared)}` +
      `expose: { httpPort: ${httpPort}, httpsPort: ${httpsPort} }\n`,
  });
  await host.rune("admin", "bootstrap", "--out-file", `${host.home}/root.token`);
  await logIn(host);
  host.daemonId = JSON.parse(await host.rune("status", "-o", "json")).daemonId;
  await host.rune("cast", await host.file("things.yaml", things(shared)));
  const backup = `${host.home}/b.tgz`;
  await host.rune(
    "admin",
    "backup",
    "--out",
    backup,
    "--with-kek",
    "--with-volumes",
    "default/data",
  );
  return { host, backup, ports, shared, pid: await pidOfAgent(host) };
}

/** Once per start, because its port differs each time. */
const logIn = (host: Host) => host.rune("login", "local", "--token-file", `${host.home}/root.token`);

async function pidOfAgent(host: Host): Promise<number> {
  return await until("the process runs", async () => {
    const agent = (await host.get("instances")).items.find((i: { name: string }) => i.name === "agent-0");
    return agent?.status.state === "Running" && Number(agent.status.handle.slice("pid:".length));
  });
}

/** Running containers of a daemon, with their directories at `/data`. */
async function containersOf(daemonId: string): Promise<{ id: string; data: string }[]> {
  const engine = openEngine();
  try {
    const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${daemonId}`] }));
    const found = await engine.call(`GET /containers/json?filters=${filters}`) as {
      Id: string;
      Mounts: { Destination: string; Source: string }[];
    }[];
    return found.map(({ Id, Mounts }) => ({
      id: Id,
      data: Mounts.find(({ Destination }) => Destination === "/data")?.Source ?? "",
    }));
  } finally {
    engine.close();
  }
}

/** Filesystems in memory of a daemon, below a directory. */
async function memoryBelow(directory: string): Promise<string[]> {
  const lines = (await Deno.readTextFile("/proc/self/mounts")).split("\n").map((line) => line.split(" "));
  return lines.filter(([source, path = ""]) =>
    source?.startsWith("rune-") && path.startsWith(`${directory}/`)
  )
    .map(([, path]) => path!);
}

async function cleanUp(...directories: string[]): Promise<void> {
  for (const directory of directories) {
    for (const path of await memoryBelow(directory)) {
      await new Deno.Command("umount", { args: ["--lazy", path] }).output();
    }
    await Deno.remove(directory, { recursive: true }).catch(() => {});
  }
}

const ignore = noRoot || noDocker || noCaddy;
const isThere = (path: string) => Deno.stat(path).then(() => true, () => false);

Deno.test({
  name:
    "a restore after the directory was moved away lists what still runs, and with --take-over the start removes it",
  ignore,
  async fn() {
    const { host, backup, ports, shared, pid } = await startAndBackUp();
    const lost = `${host.dataDir}.lost`;
    try {
      const [container] = await containersOf(host.daemonId);
      await host.daemon.stop("SIGKILL");
      await Deno.rename(host.dataDir, lost);
      const config = ["--config", `${host.home}/runefile.yaml`];
      const restore = (...more: string[]) =>
        host.run(["admin", "restore", backup, "--data-dir", host.dataDir, ...config, ...more]);
      const refused = await restore();
      assert.equal(refused.code, 5, refused.stderr);
      for (
        const what of [
          /container rune-default-web-0\S* of default\/web-0 with /,
          /pid [\d, ]*\b\d+/,
          /its Caddy \(pid \d+/,
        ]
      ) {
        assert.match(refused.stderr, what);
      }
      assert.ok(refused.stderr.includes(`${pid}`), refused.stderr);
      assert.match(refused.stderr, /\nhint: .*--take-over.*--as-copy/);
      assert.equal(await isThere(`${host.dataDir}/state.db`), false);
      assert.equal(await isThere(`${host.dataDir}/kek`), false);
      assert.equal((await restore("--take-over", "--as-copy")).code, 2);

      const taken = await restore("--take-over");
      assert.equal(taken.code, 0, taken.stderr);
      assert.match(taken.stderr, /still runs: container .*\n[^]*at its start the daemon stops/);
      assert.ok(readProcess(pid), "a restore ends nothing by itself");
      assert.deepEqual((await memoryBelow(lost)).length, 1, "the secret of the old run");
      await host.restart();
      await logIn(host);
      await until("the successor runs", async () => await pidOfAgent(host) !== pid);
      assert.equal(readProcess(pid), undefined);
      await until("a container has the volume where it is now", async () => {
        const now = await containersOf(host.daemonId);
        return now.length === 1 && now[0]!.id !== container!.id;
      });
      const linesIn = async (dataDir: string) =>
        (await Deno.readTextFile(`${dataDir}/volumes/default/data/f`)).trim().split("\n").length;
      await until("it writes the volume", async () => await linesIn(host.dataDir) === 2);
      assert.equal(await linesIn(lost), 1, "nobody wrote what was moved away");
      await until(
        "no secret is left in memory elsewhere",
        async () => (await memoryBelow(lost)).length === 0,
      );
      await until("one Caddy is left, with the ports", async () => {
        const dirs = (await findRunningCaddies()).filter(({ daemonId }) => daemonId === host.daemonId);
        return dirs.length === 1 && dirs[0]!.dir === `${host.dataDir}/proxy`;
      });
      const { hostname } = new URL(host.daemon.url);
      await until("the proxy answers", async () => {
        const conn = await Deno.connect({ hostname, port: ports[0] });
        conn.close();
        return true;
      });
      await host.rune("delete", "service", "agent", "--yes");
      await host.rune("delete", "service", "web", "--yes");
    } finally {
      await endCaddy(caddyFiles(`${lost}/proxy`));
      await host[Symbol.asyncDispose]();
      await cleanUp(lost, shared);
    }
  },
});

Deno.test({
  name:
    "a copy beside its original has an id, volumes and runs of its own, and nothing in it reaches the original's",
  ignore,
  async fn() {
    const { host, backup, shared, pid } = await startAndBackUp();
    const home = await Deno.makeTempDir({ prefix: "rune-test-copy-" });
    const dataDir = `${home}/.rune`;
    let copyId: string | undefined;
    try {
      const backups = `${home}/backups`;
      await Deno.mkdir(backups);
      const text = "snapshot: { name: s1, source: { volume: data } }\n";
      await host.rune("cast", await host.file("s.yaml", text));
      await host.rune("admin", "backup", "--out", backup, "--with-kek", "--with-volumes", "default/data");
      await Deno.copyFile(backup, `${backups}/rune-${host.daemonId.slice(0, 8)}-20260101T000000Z.tgz`);
      const before = await containersOf(host.daemonId);
      const [httpPort, httpsPort] = freePorts();
      const config = `${home}/runefile.yaml`;
      await Deno.writeTextFile(
        config,
        `auth: { enabled: true }\nexpose: { httpPort: ${httpPort}, httpsPort: ${httpsPort} }\n` +
          `backup: { every: 1d, dir: "${backups}" }\n${allowPath(shared)}`,
      );
      const restore = (...more: string[]) =>
        host.run(["admin", "restore", backup, "--data-dir", dataDir, "--config", config, ...more]);
      for (const flags of [[], ["--take-over"]]) {
        const refused = await restore(...flags);
        assert.equal(refused.code, 5, refused.stderr);
        const where =
          `is running, with the data directory ${host.dataDir} (pid ${host.daemon.pid}); nothing was restored`;
        assert.ok(refused.stderr.includes(where), refused.stderr);
        assert.match(refused.stderr, /hint: stop that daemon first; .*--as-copy/);
      }
      const made = await restore("--as-copy", "-o", "json");
      assert.equal(made.code, 0, made.stderr);
      const report = JSON.parse(made.stdout);
      copyId = report.daemonId;
      assert.notEqual(copyId, host.daemonId);
      assert.equal(report.copy, true);
      const notes = report.notes.join("\n");
      assert.match(notes, /volume default\/orders is empty in the copy/);
      assert.match(
        notes,
        /volume default\/shared is not the copy's: .* belongs to the daemon that this one is a copy of/,
      );
      assert.match(notes, /1 snapshots stay the original's/);
      assert.match(notes, /service default\/web wants web\.local, as the original's does/);

      const copy = await startDaemon(home, { devMode: false, dataDir, args: ["--config", config] });
      const inCopy = async (...args: string[]) => {
        const token = ["--server", copy.url, "--token-file", `${host.home}/root.token`];
        const result = await host.run([...args, ...token]);
        assert.equal(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
        return result.stdout;
      };
      try {
        await until("the copy runs its own", async () => {
          const { items } = JSON.parse(await inCopy("get", "instances", "-o", "json"));
          return items.find((i: { name: string }) => i.name === "web-0")?.status.state === "Running";
        });
        const volume = (name: string, daemon: typeof inCopy | typeof host.rune) =>
          daemon("get", "volume", name, "-o", "json").then((text) =>
            JSON.parse(text).status.handle as string
          );
        for (const name of ["data", "orders"]) {
          assert.equal(await volume(name, inCopy), `${dataDir}/volumes/default/${name}`);
        }
        const lines = (await Deno.readTextFile(`${dataDir}/volumes/default/data/f`)).trim().split("\n");
        assert.equal(lines.length, 2, "what was in the backup, and what the copy's own run wrote");
        // The directory of the host belongs to the original: the copy writes nothing there.
        const held = JSON.parse(await inCopy("get", "volume", "shared", "-o", "json")).status;
        assert.deepEqual([held.state, held.handle], ["Stalled", undefined]);
        const { items } = JSON.parse(await inCopy("get", "instances", "-o", "json"));
        const agent = items.find((i: { name: string }) => i.name === "agent-0");
        assert.notEqual(agent?.status.state, "Running");
        assert.deepEqual(JSON.parse(await inCopy("get", "snapshots", "-o", "json")).items, []);
        await until("its schedule refuses the original's directory", async () => {
          const { warnings } = JSON.parse(await inCopy("status", "-o", "json"));
          return /holds backups of the daemon that this one is a copy of/.test(warnings.join());
        });
        assert.equal((await Array.fromAsync(Deno.readDir(backups))).length, 1);
        // Deleting things in the copy changes nothing in the original.
        for (const name of ["web", "agent"]) await inCopy("delete", "service", name, "--yes");
        for (const name of ["data", "orders"]) await inCopy("volume", "delete", name, "--now", "--yes");
      } finally {
        await copy.stop();
      }
      assert.deepEqual(await containersOf(host.daemonId), before);
      assert.ok(readProcess(pid));
      const { items } = await host.get("volumes");
      for (const { status } of items) assert.ok(await isThere(status.handle), status.handle);
      assert.match((await host.get("snapshot", "s1")).status.state, /Ready/);
      await host.rune("delete", "service", "agent", "--yes");
      await host.rune("delete", "service", "web", "--yes");
    } finally {
      await endCaddy(caddyFiles(`${dataDir}/proxy`));
      if (copyId !== undefined) {
        await removeFromEngine(copyId);
        await removeProcesses(dataDir, copyId).catch(() => {});
      }
      await host[Symbol.asyncDispose]();
      await cleanUp(home, shared);
    }
  },
});

Deno.test({
  name:
    "on a terminal a restore asks, follows the answer, and does nothing without one; the same daemon continues elsewhere",
  ignore,
  async fn() {
    const { host, backup, shared, pid } = await startAndBackUp();
    const home = await Deno.makeTempDir({ prefix: "rune-test-asked-" });
    try {
      const [old] = await containersOf(host.daemonId);
      await host.daemon.stop();
      const restore = async (name: string, answer: string) => {
        const command = [...RUNE, "admin", "restore", backup, "--data-dir", `${home}/${name}`];
        const child = new Deno.Command("script", {
          args: ["-qec", command.map((part) => `'${part}'`).join(" "), "/dev/null"],
          env: { ...host.daemon.env, TERM: "xterm", NO_COLOR: "1" },
          stdin: "piped",
          stdout: "piped",
        }).spawn();
        const writer = child.stdin.getWriter();
        await writer.write(new TextEncoder().encode(answer));
        // Kept open until the command has ended: a terminal that hangs up is not an answer.
        const { stdout, code } = await child.output();
        await writer.close().catch(() => {});
        return { code, text: new TextDecoder().decode(stdout).replaceAll("\r", "") };
      };
      const none = await restore("none", "\n");
      assert.equal(none.code, 5, none.text);
      assert.match(none.text, /still run:\n {2}container .*default\/web-0[^]*\[t\/c\/N\]/);
      assert.equal(await isThere(`${home}/none/state.db`), false);
      const copy = await restore("copy", "c\n");
      assert.equal(copy.code, 0, copy.text);
      assert.match(copy.text, /it is a separate daemon, [0-9a-f-]{36}; the original is unchanged/);
      const same = await restore("same", "t\n");
      assert.equal(same.code, 0, same.text);
      assert.match(same.text, /at its start the daemon stops what still runs/);

      // The same daemon at another path: one process writes the directory, and nothing waits for the old one.
      const daemon = await startDaemon(home, {
        devMode: false,
        dataDir: `${home}/same`,
        args: ["--config", `${host.home}/runefile.yaml`],
      });
      const runThere = async (...args: string[]) => {
        const token = ["--server", daemon.url, "--token-file", `${host.home}/root.token`];
        const result = await host.run([...args, ...token]);
        assert.equal(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
        return result.stdout;
      };
      try {
        assert.equal(readProcess(pid), undefined, "it ended before the daemon was there");
        await until("the successors run", async () => {
          const { items } = JSON.parse(await runThere("get", "instances", "-o", "json"));
          const running = items.filter((i: { status: { state: string } }) => i.status.state === "Running");
          const now = await containersOf(host.daemonId);
          return running.length === 2 && now.length === 1 && now[0]!.id !== old!.id;
        });
        for (const name of ["agent", "web"]) {
          await runThere("delete", "service", name, "--yes", "--timeout", "30s");
        }
        assert.deepEqual(await containersOf(host.daemonId), []);
      } finally {
        await daemon.stop();
      }
    } finally {
      await endCaddy(caddyFiles(`${home}/same/proxy`));
      await removeProcesses(`${home}/same`, host.daemonId).catch(() => {});
      await host[Symbol.asyncDispose]();
      await cleanUp(home, shared);
    }
  },
});
