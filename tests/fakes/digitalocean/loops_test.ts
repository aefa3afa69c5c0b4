import assert from "node:assert/strict";
import { capture } from "../../../scripts/command.ts";
import { noLoopDevices as ignore } from "../../skips.ts";
import type { Volume } from "./account.ts";
import { FakeDigitalOcean } from "./fake.ts";
import type { DeviceFault } from "./faults.ts";
import { createLoopBacking, type LoopOptions } from "./loops.ts";

const GIB = 2 ** 30;
/** Longer than any test: tests end faults themselves. */
const LONG_MS = 600_000;

async function run(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await capture(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** A fake with a droplet that is this machine, and a volume. */
async function start(options?: LoopOptions) {
  const backing = await createLoopBacking(options);
  const fake = await FakeDigitalOcean.start({ backing, actionMs: 0 });
  const token = fake.createToken("full");
  const droplet = fake.createDroplet("web-1");
  await fake.becomeDroplet(droplet);
  const volume = await fake.createVolume({ name: "data", sizeGb: 1 });
  const act = async (body: unknown) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const path = `${fake.url}/v2/volumes/${volume.id}`;
    const response = await fetch(`${path}/actions`, { method: "POST", headers, body: JSON.stringify(body) });
    await response.body?.cancel();
    // The action ends with the next request.
    await (await fetch(path, { headers })).body?.cancel();
    return response.status;
  };
  return {
    ...{ backing, fake, droplet, volume },
    link: `${backing.links}/scsi-0DO_Volume_data`,
    attach: () => act({ type: "attach", droplet_id: droplet }),
    detach: () => act({ type: "detach", droplet_id: droplet }),
    resize: (gigabytes: number) => act({ type: "resize", size_gigabytes: gigabytes }),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

const sizeOf = async (device: string) => Number(await run("blockdev", "--getsize64", device));
const exists = (path: string) => Deno.lstat(path).then(() => true, () => false);

Deno.test({
  name: "createLoopBacking() shows the device of an attached volume, and keeps what lies on it",
  ignore,
  async fn() {
    await using api = await start();
    const { backing, fake, volume, link } = api;
    assert.equal(await exists(link), false);
    await api.attach();
    assert.equal(await Deno.realPath(link), backing.deviceOf(volume.id));
    assert.equal(await sizeOf(link), GIB);
    await run("mkfs.ext4", "-q", link);
    await api.resize(2);
    assert.equal(await sizeOf(link), 2 * GIB);
    await api.detach();
    assert.equal(await exists(link), false);
    await api.attach();
    assert.match(await run("blkid", "-p", link), /TYPE="ext4"/);
    const rebuilt = await fake.rebuildDroplet("web-1", { leaveAttached: true });
    assert.equal(await exists(link), false);
    await fake.attachVolume(volume.id, rebuilt);
    assert.match(await run("blkid", "-p", link), /TYPE="ext4"/);
    await fake.deleteVolume(volume.id);
    assert.deepEqual([await exists(link), await exists(backing.imageOf(volume.id))], [false, false]);
  },
});

Deno.test({
  name: "createLoopBacking() copies what lies on a volume at the moment of its snapshot",
  ignore,
  async fn() {
    await using api = await start();
    const { backing, fake, volume, link } = api;
    await api.attach();
    await run("mkfs.ext4", "-q", "-L", "before", link);
    await run("sync", link);
    const headers = {
      authorization: `Bearer ${fake.createToken("full")}`,
      "content-type": "application/json",
    };
    const send = async (path: string, body: unknown) =>
      await (await fetch(fake.url + path, { method: "POST", headers, body: JSON.stringify(body) })).json();
    const { snapshot } = await send(`/v2/volumes/${volume.id}/snapshots`, { name: "s" });
    await run("e2label", link, "after");
    const body = { name: "copy", region: "nyc3", size_gigabytes: 1, snapshot_id: snapshot.id };
    const copy = (await send("/v2/volumes", body)).volume as Volume;
    assert.equal(await run("e2label", backing.imageOf(copy.id)), "before");
    assert.equal(await run("e2label", link), "after");
  },
});

Deno.test({
  name: "createLoopBacking() lets a device be late, small, unreadable, busy or absent for a moment",
  ignore,
  async fn() {
    const attach = async (device: DeviceFault) => {
      const api = await start();
      api.fake.setFault({ op: "volumeActions_post_byId", type: "attach" }, { device });
      await api.attach();
      return api;
    };
    {
      await using api = await attach("never");
      assert.equal(await exists(api.link), false);
      await api.detach();
    }
    {
      await using api = await attach({ lateMs: LONG_MS });
      assert.equal(await exists(api.link), false);
      await api.backing.endFaults();
      assert.equal(await exists(api.link), true);
    }
    {
      await using api = await attach({ wrongSizeMs: LONG_MS });
      assert.equal(await sizeOf(api.link), GIB / 2);
      await api.backing.endFaults();
      assert.equal(await sizeOf(api.link), GIB);
    }
    {
      await using api = await attach({ unreadableMs: LONG_MS });
      assert.equal(await sizeOf(api.link), GIB);
      const isReadable = async () =>
        (await capture(["dd", `if=${api.link}`, "of=/dev/null", "count=1"])).code === 0;
      assert.equal(await isReadable(), false);
      await api.backing.endFaults();
      assert.equal(await isReadable(), true);
    }
    {
      await using api = await attach({ busyMs: LONG_MS });
      const format = async () => (await capture(["mkfs.ext4", "-q", api.link])).code === 0;
      assert.equal(await format(), false);
      await api.backing.endFaults();
      assert.equal(await format(), true);
    }
  },
});

Deno.test({
  name: "createLoopBacking() keeps a device busy by a mount where it has a filesystem",
  ignore,
  async fn() {
    await using api = await start();
    await run("mkfs.ext4", "-q", "-F", api.backing.imageOf(api.volume.id));
    api.fake.setFault({ op: "volumeActions_post_byId" }, { device: { busyMs: LONG_MS } });
    await api.attach();
    assert.match(await run("findmnt", "-n", "-o", "OPTIONS", await Deno.realPath(api.link)), /^ro\b/);
    await api.backing.endFaults();
    await run("e2fsck", "-fn", api.link);
  },
});

Deno.test({
  name: "createLoopBacking() shows the old size of a device for a moment after its volume has grown",
  ignore,
  async fn() {
    await using api = await start({ rescanMs: LONG_MS });
    await api.attach();
    await api.resize(2);
    assert.equal(await sizeOf(api.link), GIB);
    await api.backing.endFaults();
    assert.equal(await sizeOf(api.link), 2 * GIB);
  },
});

Deno.test({
  name: "FakeDigitalOcean fails the test that detaches a mounted volume or writes to a wrong device",
  ignore,
  async fn() {
    const api = await start();
    api.fake.setFault({ op: "volumeActions_post_byId" }, { device: { wrongSizeMs: LONG_MS } });
    await api.attach();
    await run("mkfs.ext4", "-q", api.link);
    await assert.rejects(async () => await api[Symbol.asyncDispose](), /wrong size was written/);

    const other = await start();
    await other.attach();
    await run("mkfs.ext4", "-q", other.link);
    const directory = await Deno.makeTempDir();
    const device = other.backing.deviceOf(other.volume.id)!;
    await run("mount", device, directory);
    await other.detach();
    // It also unmounts it.
    await assert.rejects(async () => await other[Symbol.asyncDispose](), /detached while it was mounted/);
    assert.equal((await capture(["findmnt", "-n", directory])).code, 1);
    await Deno.remove(directory);
    const files = await run("losetup", "--list", "--noheadings", "--output", "BACK-FILE");
    assert.equal(files.includes(other.backing.imageOf(other.volume.id)), false);
  },
});
