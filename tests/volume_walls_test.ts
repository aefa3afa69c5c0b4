/**
 * Tests the isolation of volumes: a swapped name leads nowhere else, and a path on the host gives no access.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { allowPath, containerService, hostVolume, processService, RUNNER_KINDS } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { assertNothingLeaked } from "./leaks.ts";
import { openEngine } from "../scripts/engine.ts";
import { becomeOrdinaryUser, openDaemonView } from "./daemon_view.ts";
import { makePrivateEngine } from "./private_engine.ts";
import { noDocker, noRoot } from "./skips.ts";

const NOBODY = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

/** A directory for one test, with `mine/name` and `secret/name` in it. */
async function withDirectories(fn: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-walls-" }));
  try {
    for (const name of ["mine", "secret"]) {
      await Deno.mkdir(`${root}/${name}`);
      await Deno.writeTextFile(`${root}/${name}/name`, name);
    }
    await fn((name) => `${root}/${name}`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const waitForRun = (host: Host, run: number) =>
  until(`run ${run} is ready`, async () => {
    const [instance] = (await host.get("instances")).items;
    return instance?.status.run >= run && instance.status.ready && instance.status.run as number;
  });

const waitForReason = (host: Host) =>
  until("it says why it waits", async () => {
    const { status } = await host.get("service", "web");
    return status.reason === "VolumeNotReady" && /symbolic link/.test(status.message) &&
      status.message as string;
  });

for (const { kind, ignore, dir, cast } of RUNNER_KINDS) {
  Deno.test({
    name:
      `${kind}: a link put in the place of a host directory is followed by no restart of service or daemon`,
    ignore,
    fn: () =>
      withDirectories(async (at) => {
        if (kind === "container") await ensureTestImage();
        await Deno.mkdir(at("allowed"));
        await Deno.rename(at("mine"), at("allowed/data"));
        await using host = await startHost({ runefile: allowPath(at("allowed")) });
        const name = () => host.rune("exec", "web", "--", "cat", `${dir(host)}/name`);
        const mount = `  volumes: [{ name: d, mountPath: ${dir(host)}, claim: { name: data } }]\n`;
        await host.rune(
          "cast",
          await host.file("web.yaml", hostVolume("data", at("allowed/data")) + cast(mount)),
        );
        assert.equal(await name(), "mine");
        const volume = await host.get("volume", "data");
        assert.equal(volume.status.handle, at("allowed/data"));
        assert.match(volume.status.mountPath, new RegExp(`^/run/rune/mounts/.*/${volume.uid}$`));

        await Deno.rename(at("allowed/data"), at("allowed/aside"));
        await Deno.symlink(at("secret"), at("allowed/data"));
        // The same instance, with its lease.
        const [{ status: { handle } }] = (await host.get("instances")).items;
        if (kind === "container") {
          const engine = openEngine();
          await engine.call(`POST /containers/${handle}/kill`).finally(() => engine.close());
        } else Deno.kill(-Number(handle.slice("pid:".length)), "SIGKILL");
        await waitForRun(host, 2);
        assert.equal(await name(), "mine", "what was mounted stays mounted");

        await host.rune("restart", "web", "--no-wait");
        const link =
          /goes through the symbolic link .*allowed\/data, which leads to .*secret; no link is followed/;
        assert.match(await waitForReason(host), link);
        await host.daemon.stop("SIGKILL");
        await host.restart();
        assert.match(await waitForReason(host), link);
        await host.rune("stop", "web");
        await host.rune("scale", "web", "1", "--no-wait");
        assert.match(await waitForReason(host), link);
        await Deno.remove(at("allowed/data"));
        await Deno.rename(at("allowed/aside"), at("allowed/data"));
        await waitForRun(host, 1);
        assert.equal(await name(), "mine");
        assert.equal(await Deno.readTextFile(at("secret/name")), "secret");
        await assertNothingLeaked(host);
      }),
  });
}

Deno.test({
  name: "a setuid file that a container makes on its volume is out of reach of the host's users",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    // As on a machine where everybody may traverse the data directory.
    await Deno.chmod(host.home, 0o755);
    await Deno.chmod(host.dataDir, 0o711);
    const volume = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n";
    const mount = "  volumes: [{ name: d, mountPath: /data, subPath: bin, claim: { name: v } }]\n";
    await host.rune("cast", await host.file("web.yaml", volume + containerService("web", mount)));
    await host.rune("exec", "web", "--", "sh", "-c", "cp /bin/busybox /data/sh && chmod 4755 /data/sh");
    const { handle, mountPath } = (await host.get("volume", "v")).status;
    const [{ uid }] = (await host.get("instances")).items;
    assert.equal((await Deno.stat(`${handle}/bin/sh`)).mode! & 0o7777, 0o4755, "it is there");
    const staged = [mountPath, `${mountPath}/../${uid}.0`];
    for (const path of [`${handle}/bin/sh`, `${staged[0]}/bin/sh`, `${staged[1]}/sh`]) {
      assert.ok((await Deno.stat(path)).isFile, path);
      const { code, stderr } = await new Deno.Command("setpriv", {
        // With a shell, because setpriv itself looks a program up while it is still root.
        args: [...NOBODY, "sh", "-c", `exec ${path} sh -c id`],
      }).output();
      assert.notEqual(code, 0);
      assert.match(new TextDecoder().decode(stderr), /Permission denied/);
    }
    const read = await new Deno.Command("setpriv", { args: [...NOBODY, "cat", `${handle}/bin/sh`] }).output();
    assert.notEqual(read.code, 0, "nor is any other file of a volume");
    await host.rune("delete", "service", "web", "--yes");
    await assertNothingLeaked(host);
    const left = await Array.fromAsync(Deno.readDir(await Deno.realPath(`${host.dataDir}/mounts`)));
    assert.deepEqual(left, [], "nobody holds it");
  },
});

Deno.test({
  name: "the next daemon hides what a killed one showed to runs that are gone, and takes over volumes in use",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const volume = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n";
    const mount = "  volumes: [{ name: d, mountPath: /data, claim: { name: v } }]\n";
    await host.rune("cast", await host.file("web.yaml", volume + containerService("web", mount)));
    const { status: { mountPath }, uid } = await host.get("volume", "v");
    const readMountLines = async () =>
      (await Deno.readTextFile("/proc/self/mountinfo")).split("\n").filter((l) => l.includes(`/${uid} `));
    const before = await readMountLines();
    assert.equal(before.length, 1);
    await host.daemon.stop("SIGKILL");
    const orphan = `${mountPath.slice(0, -uid.length)}${crypto.randomUUID()}.0`;
    await Deno.mkdir(orphan);
    await new Deno.Command("mount", { args: ["--bind", `${host.dataDir}/volumes/default/v`, orphan] })
      .output();
    await host.restart();
    await until("the orphan is gone", () => Deno.stat(orphan).then(() => false, () => true));
    await until("it is mounted", async () => (await host.get("volume", "v")).status.state === "Bound");
    assert.deepEqual(await readMountLines(), before, "the same mount");
    await host.daemon.stop();
    assert.deepEqual(await readMountLines(), [], "a daemon that stops hides all it shows");
    await host.restart();
    await until("it is shown again", async () => (await readMountLines()).length === 1);
    await host.rune("exec", "web", "--", "touch", "/data/still");
    assert.ok((await Deno.stat(`${host.dataDir}/volumes/default/v/still`)).isFile);
  },
});

const ONE_VOLUME = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n";
const ONE_MOUNT = "  volumes: [{ name: d, mountPath: /data, subPath: s/, claim: { name: v } }]\n";

Deno.test({
  name: "a daemon whose mounts the Engine does not see says so, and gives containers the volumes themselves",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using view = await openDaemonView(":");
    await using host = await startHost({ prefix: view.prefix });
    await host.rune("cast", await host.file("web.yaml", ONE_VOLUME + containerService("web", ONE_MOUNT)));
    await host.rune("exec", "web", "--", "touch", "/data/here");
    assert.ok((await Deno.stat(`${host.dataDir}/volumes/default/v/s/here`)).isFile);
    assert.match(
      await Deno.readTextFile(`${host.home}/daemon.log`),
      /a view of mounts of its own.*by their real paths/,
    );
    await host.rune("delete", "service", "web", "--yes");
  },
});

Deno.test({
  name: "a container with another directory than its volume is stopped, and its service says why",
  ignore: noDocker || noRoot,
  async fn() {
    await using engine = await makePrivateEngine({ ownMounts: true });
    // The daemon is first and cannot know.
    await using host = await startHost({ runefile: `docker: { socket: ${engine.socket} }\n` });
    await engine.start();
    await host.rune(
      "cast",
      "--no-wait",
      await host.file("web.yaml", ONE_VOLUME + containerService("web", ONE_MOUNT)),
    );
    await until("it says why", async () => {
      const { status } = await host.get("service", "web");
      return /gave the container other directories than its volumes/.test(status.message);
    });
    await host.rune("delete", "service", "web", "--yes");
  },
});

Deno.test({
  name: "an allowlist that covers Rune's own directories does not expose them, and the daemon warns about it",
  ignore: noRoot,
  fn: () =>
    withDirectories(async (at) => {
      await using host = await startHost({ runefile: allowPath("/") });
      const { warnings } = JSON.parse(await host.rune("status", "-o", "json"));
      assert.match(warnings.join(), new RegExp(`allowed host path / covers ${host.dataDir}`));
      const cast = async (path: string) =>
        await host.run(["cast", await host.file("v.yaml", hostVolume("v", path).replace("---\n", ""))]);
      const { dataDir } = host;
      for (
        const path of [`${dataDir}/audit`, `${dataDir}/volumes`, dataDir, host.home, "/etc", "/run/rune/held"]
      ) {
        const { code, stderr } = await cast(path);
        assert.deepEqual([code, /never a volume/.test(stderr)], [6, true], `${path}: ${stderr}`);
      }
      // Under another name, which only the host can recognise.
      await Deno.mkdir(at("bound"));
      await new Deno.Command("mount", { args: ["--bind", `${dataDir}/audit`, at("bound")] }).output();
      try {
        const hidden = await cast(at("bound"));
        assert.notEqual(hidden.code, 0);
        assert.match(hidden.stderr, /lies inside .*, the data directory of Rune, and is never a volume/);
      } finally {
        await new Deno.Command("umount", { args: [at("bound")] }).output();
      }
    }),
});

Deno.test({
  name:
    "a daemon without root opens and checks directories the same way, passes the real path, and locks it among its user's own",
  ignore: noRoot,
  fn: () =>
    withDirectories(async (at) => {
      await using user = await becomeOrdinaryUser();
      const { owner: { uid, gid } } = user;
      for (const path of [at("."), at("mine"), at("mine/name")]) await Deno.chown(path, uid, gid);
      await Deno.chmod(at("."), 0o755);
      // The user's own, as a session has one; without it the path is /tmp/rune-<uid>.
      const runtime = at("runtime");
      await Deno.mkdir(runtime, { mode: 0o700 });
      await Deno.chown(runtime, uid, gid);
      const options = {
        ...user.host,
        owner: user.owner,
        env: { ...user.host.env, XDG_RUNTIME_DIR: runtime },
        runefile: allowPath(at("").replace(/\/$/, "")),
      };
      await using host = await startHost(options);
      await using other = await startHost(options);
      const mount = `  volumes: [{ name: d, mountPath: ${at("mine")}, claim: { name: v } }]\n`;
      const text = hostVolume("v", at("mine")) + processService("web", mount);
      await host.rune("cast", await host.file("web.yaml", text));
      assert.equal((await host.get("volume", "v")).status.mountPath, at("mine"));
      assert.equal((await Array.fromAsync(Deno.readDir(`${runtime}/rune/held`))).length, 1);

      await other.rune("cast", "--no-wait", await other.file("web.yaml", text));
      await until("the other daemon of this user says why it waits", async () => {
        const { status } = await other.get("service", "web");
        return /is held by another Rune daemon/.test(status.message);
      });
      await other.rune("delete", "service", "web", "--yes");

      await Deno.rename(at("mine"), at("aside"));
      await Deno.symlink(at("secret"), at("mine"));
      const [{ status: { handle } }] = (await host.get("instances")).items;
      Deno.kill(Number(handle.slice("pid:".length)), "SIGKILL");
      await until("the same instance does not start on what the link leads to", async () => {
        const { status } = await host.get("service", "web");
        return /is no longer the directory that was mounted|goes through the symbolic link/.test(
          status.message,
        );
      });
      await Deno.remove(at("mine"));
      await Deno.rename(at("aside"), at("mine"));
      await waitForRun(host, 2);
      await host.rune("delete", "service", "web", "--yes");
    }),
});
