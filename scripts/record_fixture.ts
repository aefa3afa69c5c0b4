/**
 * Records the data directory of this version as `tests/fixtures/data/<version>.jsonl`, with some of
 * everything in it, for `tests/upgrade_test.ts`: `deno run -A scripts/record_fixture.ts`, as root with
 * Docker, once at each release.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { BUILD } from "../model/build.ts";
import { releasePlace } from "../server/identity/daemon_identity.ts";
import { openStore } from "../store/store.ts";
import { REDO_MARK } from "../store/keys.ts";
import { containerService, processService, SLEEP } from "../tests/castfiles.ts";
import { type Host, startHost, until } from "../tests/host.ts";
import { parseToken } from "../server/auth/tokens.ts";
import { fixtureKey, fixtureToken, recordDataDir } from "./data_fixture.ts";
import { ROOT } from "./tree.ts";

const NOTE = "Made for tests alone: the passwords in it guard nothing; its keys and tokens are not in it.";
/** A value larger than an entry, and one larger than a commit. */
const LARGE = 70_000;
const HUGE = 700_000;

/** A directory that does not exist, so its volume stays `Stalled`. */
const NOWHERE = "/srv/rune-fixture-without-data";

const CASTFILE = `storageClass: { name: kept, driver: local, reclaimPolicy: retain }
---
storageClass: { name: copied, driver: local, snapshotPolicy: { every: 1d, keep: 2 } }
---
namespace: { name: prod, labels: { team: a } }
---
configmap: { name: settings, data: { mode: fast } }
---
configmap: { name: large, data: { text: "${"x".repeat(LARGE)}" } }
---
secret: { name: db, data: { password: open-sesame } }
---
volume: { name: data, size: 1Gi, accessMode: ReadWriteOnce, labels: { tier: db } }
---
volume: { name: spare, namespace: prod, size: 2Gi, accessMode: ReadWriteOnce, storageClassName: kept }
---
volume: { name: stalled, storageClassName: local-host, size: 0, accessMode: ReadWriteOnce, parameters: { hostPath: ${NOWHERE} } }
---
${
  containerService(
    "web",
    `  volumes: [{ name: d, mountPath: /data, claim: { name: data } }]
  configMounts: [{ name: c, configName: settings, mountPath: /settings }]
`,
  )
}---
${
  containerService(
    "set",
    "  scale: 2\n  volumes: [{ name: t, mountPath: /data, claimTemplate: { size: 1Gi, accessMode: ReadWriteOnce } }]\n",
  )
}---
${
  processService(
    "agent",
    `  env: { PASSWORD: "{{ secret:db/password }}", TURN: "1" }
  dependencies: [{ service: web }]
  health: { readiness: { type: exec, command: ["true"] } }
`,
    `echo "$PASSWORD"; ${SLEEP}`,
  )
}---
${processService("stopped", "  namespace: prod\n  scale: 0\n")}---
${processService("failing", "", "exit 3")}`;

/** Fills a daemon with data. @returns its first token. */
async function fill(host: Host): Promise<string> {
  const tokenFile = `${host.home}/root.token`;
  await host.rune("admin", "bootstrap", "--out-file", tokenFile);
  await host.rune("login", "local", "--token-file", tokenFile);
  await host.rune("cast", await host.file("all.yaml", CASTFILE), "--no-wait");
  const isReady = async (name: string) => (await host.get("service", name)).status.state === "Running";
  for (const name of ["web", "set", "agent"]) await until(`${name} runs`, () => isReady(name));
  await host.rune("exec", "web", "--", "sh", "-c", "echo kept > /data/file");
  await host.rune("snapshot", "create", "data", "--name", "before");
  // A history, a released volume, and one that cannot be provisioned.
  await host.rune(
    "cast",
    await host.file("all.yaml", CASTFILE.replace('TURN: "1"', 'TURN: "2"')),
    "--no-wait",
  );
  await until("agent was replaced", async () => (await host.get("service", "agent")).status.updated === 1);
  await until("agent runs", () => isReady("agent"));
  await host.rune("delete", "service", "set", "--yes");
  await host.rune("admin", "policy", "set", "watcher", "--rule", "services:get,list,watch@prod");
  await host.rune("admin", "user", "create", "ann", "--policy", "readonly", "--policy", "watcher");
  await host.rune("admin", "service", "create", "ci", "-n", "prod", "--policy", "cast");
  await host.rune("admin", "token", "create", "ann", "--expires-in", "30d", "--out-file", `${host.home}/ann`);
  await host.rune("admin", "token", "create", "ci", "--out-file", `${host.home}/ci`);
  await host.rune("create", "secret", "pull", "--from-literal", "token=open");
  await host.rune("admin", "registry", "set", "registry.test/team", "--secret", "pull");
  return (await Deno.readTextFile(tokenFile)).trim();
}

/** Replaces the secret of root's token by a derived one, and trims the journal to the minimum. */
async function finish(dataDir: string, token: string): Promise<void> {
  const store = await openStore({ dataDir, journalLimit: 20 });
  // The daemon that opens it has another Engine, at another path.
  await releasePlace(store, { containersAreGone: true });
  const hash = createHash("sha256").update(parseToken(token)!.secret).digest("base64");
  await store.transact((tx) => {
    const row = tx.get("token", "", parseToken(token)!.id)!;
    tx.update(row, { spec: { ...row.spec, hash } });
    tx.create({ kind: "configmap", namespace: "prod", name: "last", spec: { data: {} }, status: {} });
  });
  await store.close();
}

/**
 * A commit whose process is killed between its decision and its end: the next daemon finishes it from the
 * redo log.
 */
async function leaveRedoLog(dataDir: string): Promise<void> {
  const prototype = Deno.AtomicOperation.prototype;
  const { set, commit } = prototype;
  const deciding = new WeakSet<Deno.AtomicOperation>();
  let killed = false;
  prototype.set = function (key, value, options) {
    if (key.join() === REDO_MARK.join()) deciding.add(this);
    return set.call(this, key, value, options);
  };
  prototype.commit = async function () {
    if (killed) throw new Error("killed");
    const result = await commit.call(this);
    killed = deciding.has(this);
    return result;
  };
  try {
    const store = await openStore({ dataDir });
    const spec = { data: { text: "y".repeat(HUGE) } };
    await store.transact((tx) =>
      tx.create({ kind: "configmap", namespace: "default", name: "huge", spec, status: {} })
    );
    await store.close();
    assert.ok(killed, "it went through the redo log");
  } finally {
    Object.assign(prototype, { set, commit });
  }
}

/** @returns the exit code. */
async function main(argv: string[]): Promise<number> {
  const { version } = BUILD;
  const path = `${ROOT}/tests/fixtures/data/${version}.jsonl`;
  if (existsSync(path) && argv[0] !== "--again") {
    console.error(
      `${path} exists, and the fixture of a released version must not change; before its release use --again`,
    );
    return 2;
  }
  await ensureTestImage();
  const kek = { variable: "RUNE_FIXTURE_KEK", value: (await fixtureKey(version, "kek")).toBase64() };
  const host = await startHost({
    runefile: `auth: { enabled: true }\nstorage: { hostPathAllowlist: ["${NOWHERE}"] }\n` +
      `crypto: { kek: { source: env, env: ${kek.variable} } }\n`,
    env: { [kek.variable]: kek.value },
  });
  try {
    const token = await fill(host);
    const headers = { authorization: `Bearer ${token}` };
    host.daemonId = (await (await fetch(`${host.daemon.url}/v1/status`, { headers })).json()).daemonId;
    await host.daemon.stop();
    const rootToken = parseToken(token)!.id;
    await finish(host.dataDir, await fixtureToken({ version, rootToken }));
    await leaveRedoLog(host.dataDir);
    const head = { version, rootToken, note: NOTE };
    const lines = await Array.fromAsync(recordDataDir(host.home, { head, paths: ["state.made", "volumes"] }));
    await Deno.writeTextFile(path, lines.join("\n") + "\n");
    console.log(`${path}: ${lines.length} lines, ${((await Deno.stat(path)).size / 1024).toFixed(0)} KiB`);
    return 0;
  } finally {
    await host[Symbol.asyncDispose]();
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
