/** What volumes keep apart: a name that is changed leads nowhere else, and a path on the host is no way in. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { allowing, containerService, hostVolume, RUNNER_KINDS } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { assertNothingLeaked } from "./leaks.ts";
import { noDocker, noRoot } from "./skips.ts";

const NOBODY = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

/** A directory of a test's own, with `mine/name` and `secret/name` in it. */
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

const running = (host: Host, run: number) =>
  until(`run ${run} is ready`, async () => {
    const [instance] = (await host.get("instances")).items;
    return instance?.status.run >= run && instance.status.ready && instance.status.run as number;
  });

const waiting = (host: Host) =>
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
        await using host = await startHost({ runefile: allowing(at("allowed")) });
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
        // The same instance, with the lease that it has.
        const [{ status: { handle } }] = (await host.get("instances")).items;
        if (kind === "container") await host.run(["exec", "web", "--", "kill", "1"]);
        else Deno.kill(-Number(handle.slice("pid:".length)), "SIGKILL");
        await running(host, 2);
        assert.equal(await name(), "mine", "what was mounted stays mounted");

        await host.rune("restart", "web", "--no-wait");
        const link =
          /goes through the symbolic link .*allowed\/data, which leads to .*secret; no link is followed/;
        assert.match(await waiting(host), link);
        await host.daemon.stop("SIGKILL");
        await host.restart();
        assert.match(await waiting(host), link);
        await host.rune("stop", "web");
        await host.rune("scale", "web", "1", "--no-wait");
        assert.match(await waiting(host), link);
        await Deno.remove(at("allowed/data"));
        await Deno.rename(at("allowed/aside"), at("allowed/data"));
        await running(host, 1);
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
    // As on a machine whose data directory everybody may pass.
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
        // By a shell: setpriv itself looks a program up while it still is root.
        args: [...NOBODY, "sh", "-c", `exec ${path} sh -c id`],
      }).output();
      assert.notEqual(code, 0);
      assert.match(new TextDecoder().decode(stderr), /Permission denied/);
    }
    await host.rune("delete", "service", "web", "--yes");
    await assertNothingLeaked(host);
    const left = await Array.fromAsync(Deno.readDir(await Deno.realPath(`${host.dataDir}/mounts`)));
    assert.deepEqual(left, [], "nobody holds it");
  },
});

Deno.test({
  name:
    "what a killed daemon showed to runs that are gone is hidden by the next, and volumes in use are taken over",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const volume = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n";
    const mount = "  volumes: [{ name: d, mountPath: /data, claim: { name: v } }]\n";
    await host.rune("cast", await host.file("web.yaml", volume + containerService("web", mount)));
    const { status: { mountPath }, uid } = await host.get("volume", "v");
    const shown = async () =>
      (await Deno.readTextFile("/proc/self/mountinfo")).split("\n").filter((l) => l.includes(`/${uid} `));
    const before = await shown();
    assert.equal(before.length, 1);
    await host.daemon.stop("SIGKILL");
    const orphan = `${mountPath.slice(0, -uid.length)}${crypto.randomUUID()}.0`;
    await Deno.mkdir(orphan);
    await new Deno.Command("mount", { args: ["--bind", `${host.dataDir}/volumes/default/v`, orphan] })
      .output();
    await host.restart();
    await until("the orphan is gone", () => Deno.stat(orphan).then(() => false, () => true));
    await until("it is mounted", async () => (await host.get("volume", "v")).status.state === "Bound");
    assert.deepEqual(await shown(), before, "the same mount");
    await host.daemon.stop();
    assert.deepEqual(await shown(), [], "a daemon that stops hides all it shows");
    await host.restart();
    await until("it is shown again", async () => (await shown()).length === 1);
    await host.rune("exec", "web", "--", "touch", "/data/still");
    assert.ok((await Deno.stat(`${host.dataDir}/volumes/default/v/still`)).isFile);
  },
});
