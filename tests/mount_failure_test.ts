/**
 * Tests that problems with a volume reach the instance that waits for it, and that it continues once they are
 * fixed.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { allowPath, containerService, hostVolume, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const mount = (name: string, more = "") =>
  `  volumes:\n    - { name: d, mountPath: /data, claim: { name: ${name} }${more} }\n`;
const localVolume = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n";

/** The status of the service `web` once it gives a reason. */
const trouble = (host: Host) =>
  until("the service says why it does not run", async () => {
    const { status } = await host.get("service", "web");
    return status.reason === "VolumeNotReady" && status;
  });

const runs = (host: Host) =>
  until("the service runs", async () => (await host.get("service", "web")).status.state === "Running");

/** An allowed directory of the host, and a host that allows it. */
async function withShared(
  test: (host: Host, shared: string) => Promise<void>,
): Promise<void> {
  const shared = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-host-" }));
  try {
    await using host = await startHost({ runefile: allowPath(shared) });
    await test(host, shared);
  } finally {
    await Deno.remove(shared, { recursive: true });
  }
}

/** A volume root without room for any volume, until `room` is called. */
async function withFullRoot(test: (host: Host, room: () => Promise<void>) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "rune-test-full-" });
  await command("mount", "-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs", root);
  try {
    await using host = await startHost({ runefile: `storage: { localVolumeRoot: ${root} }\n` });
    await test(host, () => command("mount", "-o", "remount,nr_inodes=1000", root));
  } finally {
    await command("umount", root);
    await Deno.remove(root);
  }
}

const command = async (name: string, ...args: string[]) => {
  const { success, stderr } = await new Deno.Command(name, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
};

Deno.test({
  name:
    "a permanent failure stops at once, its message reaches the instance, and retry-provision tries again",
  ignore: noRoot,
  fn: () =>
    withShared(async (host, shared) => {
      const text = hostVolume("v", `${shared}/late`) + processService("web", mount("v"));
      const cast = await host.run(["cast", await host.file("web.yaml", text)]);
      assert.equal(cast.code, 1);
      const { state, attempts } = (await host.get("volume", "v")).status;
      assert.deepEqual([state, attempts], ["Stalled", 1]);
      const { message } = await trouble(host);
      const sentence =
        "volume default/v is Stalled: the host path .*/late does not exist; create the directory";
      assert.match(message, new RegExp(`web-0: ${sentence}`));
      await Deno.mkdir(`${shared}/late`);
      await host.rune("volume", "retry-provision", "v");
      await runs(host);
      const again = await host.run(["volume", "retry-provision", "v"]);
      assert.equal(again.code, 5);
      assert.match(again.stderr, /volume default\/v is Bound\n.*there is nothing to retry/);
    }),
});

Deno.test({
  name: "a temporary failure is retried with backoff, reported meanwhile, and heals by itself",
  ignore: noDocker || noRoot,
  fn: () =>
    withFullRoot(async (host, room) => {
      await ensureTestImage();
      const text = localVolume + containerService("web", mount("v"));
      await host.rune("cast", "--no-wait", await host.file("web.yaml", text));
      const { message } = await trouble(host);
      assert.match(message, /volume default\/v is Failed: .*No space left.*; free space on that filesystem/i);
      const failed = await until("it was tried twice", async () => {
        const { status } = await host.get("volume", "v");
        return status.state === "Failed" && status.attempts >= 2 && status;
      });
      const wait = Date.parse(failed.nextAttemptAt) - Date.parse(failed.lastAttemptAt);
      assert.equal(wait, 1000 * 2 ** (failed.attempts - 1));
      await room();
      await until("it is there", async () => (await host.get("volume", "v")).status.handle !== undefined);
      const { status } = await host.get("volume", "v");
      assert.deepEqual([status.attempts, status.failureMessage], [0, undefined]);
      await host.rune("delete", "service", "web", "--yes");
    }),
});

Deno.test({
  name: "a persistent failure stalls the volume after six attempts, and retry-provision tries again",
  ignore: noRoot,
  fn: () =>
    withFullRoot(async (host, room) => {
      await host.rune("cast", "--no-wait", await host.file("v.yaml", localVolume));
      const attempts = new Map<number, { state: string; at: number }>();
      await until("it is Stalled", async () => {
        const { status: { state, attempts: n, lastAttemptAt } } = await host.get("volume", "v");
        // During an attempt it is Provisioning, with the count of earlier attempts.
        if (state !== "Provisioning") attempts.set(n, { state, at: Date.parse(lastAttemptAt) });
        return state === "Stalled";
      });
      const tried = [1, 2, 3, 4, 5, 6].map((n) => attempts.get(n)!);
      assert.deepEqual(tried.map((t) => t.state), [
        "Failed",
        "Failed",
        "Failed",
        "Failed",
        "Failed",
        "Stalled",
      ]);
      tried.slice(1).forEach(({ at }, i) => {
        const seconds = (at - tried[i]!.at) / 1000;
        assert.ok(seconds >= 2 ** i, `attempt ${i + 2} came ${seconds} s after the one before`);
      });

      await room();
      assert.equal((await host.get("volume", "v")).status.attempts, 6, "it is left alone");
      await host.rune("volume", "retry-provision", "v");
      const { status } = await host.get("volume", "v");
      assert.deepEqual([status.state, status.attempts, status.failureMessage], ["Available", 0, undefined]);
    }),
});

Deno.test({
  name: "local-host follows no link out of the allowlist, even one created after the volume",
  ignore: noRoot,
  fn: () =>
    withShared(async (host, shared) => {
      await Deno.mkdir(`${shared}/ok`);
      const text = hostVolume("v", `${shared}/ok`) + processService("web", mount("v"));
      const castfile = await host.file("web.yaml", text);
      await host.rune("cast", castfile);
      await host.rune("stop", "web");
      await until("it is free", async () => (await host.get("volume", "v")).status.state === "Available");
      await Deno.remove(`${shared}/ok`, { recursive: true });
      await Deno.symlink("/etc", `${shared}/ok`);
      await host.rune("scale", "web", "1", "--no-wait");
      const { message } = await trouble(host);
      assert.match(
        message,
        /cannot be mounted: hostPath .*\/ok goes through the symbolic link .*\/ok, which leads to \/etc;/,
      );
      await Deno.remove(`${shared}/ok`);
      await Deno.mkdir(`${shared}/ok`);
      await runs(host);
      const deleted = hostVolume("v", `${shared}/x`).replace(
        "accessMode",
        "reclaimPolicy: delete, accessMode",
      );
      const refused = await host.run([
        "cast",
        await host.file("delete.yaml", deleted.replace("name: v", "name: d")),
      ]);
      assert.match(refused.stderr, /local-host never deletes data/);
    }),
});

Deno.test({
  name: "a subPath is created and mounted alone, and refused if a link in the volume leads out of it",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const root = `${host.dataDir}/volumes/default/v`;
    const service = (more: string) => containerService("web", mount("v", more));
    const owned = ", fsUser: 1000, fsGroup: 1000, fsMode: '2770'";
    await host.rune("cast", await host.file("a.yaml", localVolume + service(`, subPath: a/b${owned}`)));
    await host.rune("exec", "web", "--", "sh", "-c", "echo in > /data/f; ls /data/..");
    assert.equal(await Deno.readTextFile(`${root}/a/b/f`), "in\n");
    const { uid, gid, mode } = await Deno.stat(root);
    assert.deepEqual([uid, gid, mode! & 0o7777], [1000, 1000, 0o2770]);
    assert.equal((await Deno.stat(`${root}/a`)).uid, 1000, "made inside a directory of that owner");

    await Deno.symlink("/etc", `${root}/out`);
    await host.rune("cast", "--no-wait", await host.file("b.yaml", service(", subPath: out/x")));
    const { message } = await trouble(host);
    assert.match(message, /the subPath "out\/x" does not stay inside the volume/);
    for (const subPath of ["../x", "/etc"]) {
      const refused = await host.run(["cast", await host.file("c.yaml", service(`, subPath: ${subPath}`))]);
      assert.equal(refused.code, 6);
      assert.match(refused.stderr, /expected a relative path that stays inside the volume/);
    }
    assert.ok(!Array.from(Deno.readDirSync("/etc"), (e) => e.name).includes("x"));
  },
});

Deno.test({
  name: "only the process sees its local-host volume at mountPath, and readOnly is enforced",
  ignore: noRoot,
  fn: () =>
    withShared(async (host, shared) => {
      await Deno.mkdir(`${shared}/v/sub`, { recursive: true });
      const target = `${shared}/seen`;
      await Deno.mkdir(target);
      const at = (more = "") =>
        `  volumes:\n    - { name: d, mountPath: ${target}, claim: { name: v }${more} }\n`;
      const text = hostVolume("v", `${shared}/v`) +
        processService("web", at(", subPath: sub"), `echo in > ${target}/f; sleep 1000`);
      await host.rune("cast", await host.file("web.yaml", text));
      await until("it has written", () => Deno.readTextFile(`${shared}/v/sub/f`));
      assert.deepEqual(Array.from(Deno.readDirSync(target)), [], "its view is its own");
      assert.equal(await host.rune("exec", "web", "--", "cat", `${target}/f`), "in\n");
      const readOnly = processService(
        "web",
        at(", readOnly: true"),
        `echo no > ${target}/g; echo said; sleep 1000`,
      );
      await host.rune("cast", await host.file("ro.yaml", readOnly));
      await until("it has tried", async () => (await host.rune("logs", "web")).includes("said"));
      assert.deepEqual(Array.from(Deno.readDirSync(`${shared}/v`), (e) => e.name), ["sub"]);
    }),
});
