/**
 * Tests a daemon of an ordinary user: it loses no process, and refuses at cast what it cannot enforce.
 * @module
 */
import assert from "node:assert/strict";
import { readProcess } from "../runners/process/proc.ts";
import { allowPath, hostVolume, processService } from "./castfiles.ts";
import { becomeOrdinaryUser, type OrdinaryUser } from "./daemon_view.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

/** A host with such a daemon, and a directory for its services. */
async function inRoom(
  fn: (room: { host: Host; shared: string }) => Promise<void>,
  { script, runefile = "" }: { script?: string; runefile?: string } = {},
): Promise<void> {
  await using user: OrdinaryUser = await becomeOrdinaryUser(script);
  const shared = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-shared-" }));
  await Deno.chown(shared, user.owner.uid, user.owner.gid);
  try {
    await using host = await startHost({
      runefile: allowPath(shared) + runefile,
      ...user.host,
      owner: user.owner,
    });
    await fn({ host, shared });
  } finally {
    await Deno.remove(shared, { recursive: true });
  }
}

const size = async (path: string) => (await Deno.stat(path).catch(() => undefined))?.size ?? 0;
const status = async (host: Host) => (await host.get("instances")).items[0]?.status;
const volume = (shared: string) =>
  `  stopTimeout: 1s\n  volumes: [{ name: d, mountPath: ${shared}, claim: { name: shared } }]\n`;

/** A writer that leaves its session and its parents, and ignores SIGTERM. */
const makeEscaping = (file: string) =>
  `setsid sh -c 'trap "" TERM; (while :; do echo x >> ${file}; sleep 0.02; done) & exit'`;

/** Whether nobody writes a file any more. */
async function isStill(path: string): Promise<boolean> {
  const before = await size(path);
  await new Promise((resolve) => setTimeout(resolve, 200));
  return before > 0 && await size(path) === before;
}

Deno.test({
  name: "without root, a daemonized process ends with its service, even one that exec started",
  ignore: noRoot,
  fn: () =>
    inRoom(async ({ host, shared }) => {
      const script = `${makeEscaping(`${shared}/a`)}; trap 'exit 0' TERM; while :; do sleep 0.1; done`;
      const text = hostVolume("shared", shared) + processService("writer", volume(shared), script);
      await host.rune("cast", await host.file("w.yaml", text));
      await host.rune(
        "exec",
        "writer",
        "--",
        "sh",
        "-c",
        `exec >/dev/null 2>&1; ${makeEscaping(`${shared}/b`)}`,
      );
      await until("both write", async () => await size(`${shared}/a`) > 10 && await size(`${shared}/b`) > 10);
      const { pid, handle } = await status(host);
      // Both are pids of the host.
      for (const known of [pid, Number(handle.slice("pid:".length))]) assert.ok(readProcess(known));
      assert.match(await Deno.readTextFile(`/proc/${pid}/cmdline`), /while/);
      await host.rune("scale", "writer", "0");
      await until("nothing runs", async () => (await host.get("instances")).items.length === 0);
      for (const file of ["a", "b"]) assert.ok(await isStill(`${shared}/${file}`), file);
      await host.rune("delete", "service", "writer", "--yes");
    }),
});

Deno.test({
  name:
    "without root, children that outlive the main process may end in their own way, and the exit code is known",
  ignore: noRoot,
  fn: () =>
    inRoom(async ({ host, shared }) => {
      const leaves =
        `setsid sh -c 'trap "sleep 0.3; echo saved > ${shared}/saved; exit" TERM; echo > ${shared}/there; while :; do sleep 0.05; done' & ` +
        `while [ ! -e ${shared}/there ]; do sleep 0.02; done; exit 42`;
      const fields = `  restart: never\n${volume(shared)}`;
      const text = hostVolume("shared", shared) + processService("writer", fields, leaves);
      await host.rune("cast", await host.file("w.yaml", text), "--no-wait");
      const ended = await until("it has ended", async () => {
        const now = await status(host);
        return now?.state === "Stopped" && now;
      });
      assert.equal(ended.lastFailure.exitCode, 42);
      assert.equal(await Deno.readTextFile(`${shared}/saved`), "saved\n");
    }),
});

Deno.test({
  name: "without root, a process survives its daemon and is adopted, and one without a record is killed",
  ignore: noRoot,
  fn: () =>
    inRoom(async ({ host, shared }) => {
      const script = "setsid sh -c '(exec sleep 1000) & exit'; exec sleep 1000";
      const text = hostVolume("shared", shared) + processService("writer", volume(shared), script);
      await host.rune("cast", await host.file("w.yaml", text));
      const { pid } = await status(host);
      await host.daemon.stop("SIGKILL");
      await host.restart();
      await until("it is adopted", async () => (await status(host)).pid === pid);
      const out = `${host.home}/b.tgz`;
      await host.rune("admin", "backup", "--out", out, "--with-kek");
      await host.daemon.stop("SIGKILL");
      const { uid, gid } = await Deno.stat(host.dataDir);
      await Deno.rename(host.dataDir, `${host.dataDir}.lost`);
      await host.rune("admin", "restore", out, "--data-dir", host.dataDir, "--take-over");
      await new Deno.Command("chown", { args: ["-R", `${uid}:${gid}`, host.dataDir] }).output();
      await host.restart();
      assert.equal(readProcess(pid), undefined);
      assert.match(await Deno.readTextFile(`${host.home}/daemon.log`), /without a record are ended/);
      await until("its successor runs", async () => (await status(host))?.state === "Running");
      await host.rune("delete", "service", "writer", "--yes");
    }),
});

Deno.test({
  name: "examples/agent.yaml runs without root",
  ignore: noRoot,
  fn: () =>
    inRoom(async ({ host, shared }) => {
      const example = await Deno.readTextFile(new URL("../examples/agent.yaml", import.meta.url));
      const text = example.replaceAll("/srv/rune/agent", shared);
      await host.rune("cast", await host.file("agent.yaml", text));
      await until("it ran", async () => /start number 1/.test(await host.rune("logs", "agent")));
      await host.rune("restart", "agent");
      await until("it ran twice", async () => /start number 2/.test(await host.rune("logs", "agent")));
      await host.rune("delete", "service", "agent", "--yes");
    }),
});

Deno.test({
  name: "without root and without user namespaces a process gets no volume to write, said at cast",
  ignore: noRoot,
  fn: () =>
    inRoom(async ({ host, shared }) => {
      const text = hostVolume("shared", shared) + processService("writer", volume(shared));
      const refused = await host.run(["cast", await host.file("w.yaml", text)]);
      assert.equal(refused.code, 6, refused.stdout + refused.stderr);
      assert.match(refused.stderr, /volumes\[0\]: .*cannot tell when all processes of a run have ended/);
      assert.match(refused.stderr, /user\.max_user_namespaces/);
      await host.rune("cast", await host.file("p.yaml", processService("plain")));
      assert.equal((await status(host)).state, "Running");
      await host.rune("delete", "service", "plain", "--yes");
    }, { script: 'mount --bind /bin/false "$(command -v unshare)"' }),
});
