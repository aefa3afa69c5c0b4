/**
 * Tests a volume whose disk is not mounted: it waits, nothing is written below the mount point, and it starts
 * by itself later.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { capture } from "../scripts/command.ts";
import { allowPath, containerService, hostVolume, RUNNER_KINDS } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

async function must(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await capture(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout;
}

/** A directory for mounting disks; disposing of it unmounts them. */
async function withMountPoint(test: (at: string, scratch: string) => Promise<void>): Promise<void> {
  const scratch = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-disk-" }));
  const at = `${scratch}/allowed/disk`;
  await Deno.mkdir(at, { recursive: true });
  try {
    await test(at, scratch);
  } finally {
    while ((await capture(["umount", "--lazy", at])).code === 0);
    await Deno.remove(scratch, { recursive: true });
  }
}

/**
 * A formatted file behind a loop device, to mount and unmount like a disk. The device goes with its mount.
 */
async function makeDisk(image: string, type: "ext4" | "xfs" = "ext4") {
  await Deno.writeFile(image, new Uint8Array());
  await Deno.truncate(image, (type === "xfs" ? 320 : 16) * 2 ** 20);
  await must(`mkfs.${type}`, "-q", image);
  return {
    mount: (at: string) => must("mount", "-o", "loop", image, at),
    unmount: (at: string) => must("umount", at),
  };
}

const namesIn = async (path: string) => (await Array.fromAsync(Deno.readDir(path))).map((e) => e.name).sort();
const mountTmpfs = (at: string) => must("mount", "-t", "tmpfs", "-o", "size=16m", "none", at);

const waits = (host: Host, service: string) =>
  until(`${service} says that it waits for its disk`, async () => {
    const { status } = await host.get("service", service);
    return status.reason === "VolumeNotReady" && /is not on the filesystem/.test(status.message) &&
      status.message as string;
  });

const runs = (host: Host, service: string) =>
  until(`${service} runs`, async () => (await host.get("service", service)).status.state === "Running");

const makeMount = (path: string) => `  volumes: [{ name: d, mountPath: ${path}, claim: { name: disk } }]\n`;

for (const { kind, ignore, dir, cast } of RUNNER_KINDS) {
  Deno.test({
    name: `${kind}: a local-host volume whose tmpfs is away waits, and starts by itself on a new one`,
    ignore,
    fn: () =>
      withMountPoint(async (at) => {
        if (kind === "container") await ensureTestImage();
        await mountTmpfs(at);
        await using host = await startHost({ runefile: allowPath(at) });
        await host.rune(
          "cast",
          await host.file("web.yaml", hostVolume("disk", at) + cast(makeMount(dir(host)))),
        );
        const { status } = await host.get("volume", "disk");
        assert.deepEqual(status.filesystem, { type: "tmpfs", mountPoint: at, path: "/" });
        await host.rune("stop", "web");
        await until("it is unmounted", async () => !(await host.get("volume", "disk")).status.boundNode);
        await must("umount", at);
        await host.rune("scale", "web", "1", "--no-wait");
        const message = await waits(host, "web");
        assert.match(
          message,
          /volume default\/disk cannot be mounted: .*disk is not on the filesystem that volume default\/disk was made on: expected tmpfs mounted at .*\/disk, found \w+ mounted at .*; nothing is written there; mount its disk, and Rune continues by itself; .*: rune volume retry-provision disk -n default/,
        );
        // Neither a measurement nor a restarted daemon writes there.
        const usage = await fetch(`${host.daemon.url}/v1/namespaces/default/volumes/disk/usage`);
        assert.match((await usage.json()).detail, /is not on the filesystem/);
        await host.daemon.stop("SIGKILL");
        await host.restart();
        await waits(host, "web");
        assert.deepEqual(await namesIn(at), [], "nothing was written below the mount point");
        await mountTmpfs(at);
        await runs(host, "web");
      }),
  });
}

for (const type of ["ext4", "xfs"] as const) {
  Deno.test({
    name: `a local-host volume knows its ${type} disk again, and takes another one when it is told to`,
    ignore: noRoot || noDocker,
    fn: () =>
      withMountPoint(async (at, scratch) => {
        await ensureTestImage();
        const own = await makeDisk(`${scratch}/own`, type);
        const other = await makeDisk(`${scratch}/other`, type);
        await own.mount(at);
        await Deno.mkdir(`${at}/data`);
        await using host = await startHost({ runefile: allowPath(at) });
        await host.rune(
          "cast",
          await host.file(
            "web.yaml",
            hostVolume("disk", `${at}/data`) + containerService("web", makeMount("/data")),
          ),
        );
        await host.rune("exec", "web", "--", "touch", "/data/mark");
        await host.rune("stop", "web");
        const waitForUnmount = () =>
          until("it is unmounted", async () => !(await host.get("volume", "disk")).status.boundNode);
        await waitForUnmount();
        await own.unmount(at);
        // An old copy below the mount point, as remains when data is moved to a disk.
        await Deno.mkdir(`${at}/data`);
        await host.rune("scale", "web", "1", "--no-wait");
        await waits(host, "web");
        await other.mount(at);
        await Deno.mkdir(`${at}/data`);
        await waits(host, "web");
        assert.deepEqual(await namesIn(`${at}/data`), []);
        await other.unmount(at);
        await own.mount(at);
        await runs(host, "web");
        assert.match(await host.rune("exec", "web", "--", "ls", "/data"), /mark/);

        await host.rune("stop", "web");
        await waitForUnmount();
        const refused = await host.run(["volume", "retry-provision", "disk"]);
        assert.equal(refused.code, 5, refused.stderr);
        await own.unmount(at);
        await other.mount(at);
        await host.rune("scale", "web", "1", "--no-wait");
        await waits(host, "web");
        await host.rune("volume", "retry-provision", "disk");
        await runs(host, "web");
        assert.equal(await host.rune("exec", "web", "--", "ls", "/data"), "");
        await host.rune("delete", "service", "web", "--yes");
        await until("it is gone", async () => (await host.get("instances")).items.length === 0);
      }),
  });
}

Deno.test({
  name: "acceptFilesystem accepts any filesystem, and may be set on an existing volume",
  ignore: noRoot || noDocker,
  fn: () =>
    withMountPoint(async (at) => {
      await ensureTestImage();
      await mountTmpfs(at);
      await using host = await startHost({ runefile: allowPath(at) });
      const service = containerService("web", makeMount("/data"));
      const file = await host.file("web.yaml", hostVolume("disk", at) + service);
      await host.rune("cast", file);
      await host.rune("stop", "web");
      await until("it is unmounted", async () => !(await host.get("volume", "disk")).status.boundNode);
      await must("umount", at);
      await host.rune("cast", "--no-wait", file);
      await waits(host, "web");
      const accepting = hostVolume("disk", at).replace("} }", ', acceptFilesystem: "true" } }');
      await host.rune("cast", await host.file("accepting.yaml", accepting + service));
      await runs(host, "web");
    }),
});

const localVolume = (name: string, policy = "retain") =>
  `volume: { name: ${name}, size: 1Gi, accessMode: ReadWriteOnce, reclaimPolicy: ${policy} }\n---\n`;

Deno.test({
  name:
    "while the disk of localVolumeRoot is missing, volumes wait, none is created, deleted or measured, and everything continues by itself later",
  ignore: noRoot || noDocker,
  fn: () =>
    withMountPoint(async (at, scratch) => {
      await ensureTestImage();
      const disk = await makeDisk(`${scratch}/image`);
      await disk.mount(at);
      await using host = await startHost({ runefile: `storage: { localVolumeRoot: ${at}/volumes }\n` });
      await host.rune(
        "cast",
        await host.file(
          "web.yaml",
          localVolume("disk") + localVolume("doomed", "delete") + localVolume("binned", "delete") +
            containerService("web", makeMount("/data")),
        ),
      );
      await host.rune("exec", "web", "--", "touch", "/data/mark");
      await host.rune("snapshot", "create", "disk", "--name", "kept");
      await host.rune("volume", "delete", "binned", "--yes");
      await host.rune("stop", "web");
      await host.daemon.stop("SIGTERM");
      await disk.unmount(at);
      await host.restart();

      await host.rune("scale", "web", "1", "--no-wait");
      await waits(host, "web");
      await host.rune("volume", "delete", "doomed", "--yes", "--no-wait");
      await host.rune("snapshot", "delete", "kept", "--yes", "--no-wait");
      await host.rune("cast", "--no-wait", await host.file("new.yaml", localVolume("new")));
      const newcomer = await until("the new one says why it waits", async () => {
        const { status } = await host.get("volume", "new");
        return status.failureMessage && status;
      });
      assert.match(newcomer.failureMessage, /the volume root .* is not on the filesystem that it was on/);
      assert.equal(newcomer.state, "Provisioning");
      await until("the doomed one says why it stays", async () => {
        const { status } = await host.get("volume", "doomed");
        return /is not on the filesystem/.test(status.failureMessage ?? "");
      });
      for (const args of [["volume", "undelete"], ["volume", "undelete", "binned"]]) {
        const { code, stderr } = await host.run(args);
        assert.equal(code, 1, stderr);
        assert.match(stderr, /is not on the filesystem that it was on/);
      }
      assert.equal(
        (await host.get("snapshots")).items.length,
        1,
        "a snapshot is not gone because its disk is",
      );
      assert.deepEqual(await namesIn(at), [], "nothing was written below the mount point");

      await disk.mount(at);
      await runs(host, "web");
      assert.match(await host.rune("exec", "web", "--", "ls", "/data"), /mark/);
      await until("the new one is made", async () => {
        const { status } = await host.get("volume", "new");
        return status.state === "Available" && status.failureMessage === undefined;
      });
      await until("what was to go is gone", async () => {
        const [volumes, snapshots] = [await host.get("volumes"), await host.get("snapshots")];
        return !volumes.items.some((v: { name: string }) => v.name === "doomed") &&
          snapshots.items.length === 0;
      });
      await host.rune("volume", "undelete", "binned");
      await host.rune("delete", "service", "web", "--yes");
      await until("it is gone", async () => (await host.get("instances")).items.length === 0);
      await host.daemon.stop("SIGTERM");
      await disk.unmount(at);
    }),
});
