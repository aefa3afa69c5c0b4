/** Tests scheduled backups with the real program and real disks. @module */
import assert from "node:assert/strict";
import { capture } from "../scripts/command.ts";
import { startDaemon } from "../scripts/daemon.ts";
import { makeLoopFilesystem } from "../scripts/loop_filesystem.ts";
import { type Host, startHost, until } from "./host.ts";
import { noLoopDevices, noRoot } from "./skips.ts";

const HOUR = 3_600_000;
const OWN = /^rune-[0-9a-f]{8}-\d{8}T\d{6}Z\.tgz$/;

async function filesIn(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort();
}

const runefile = (dir: string, more = "") => `backup: { every: 1h, dir: ${dir}, ${more} }\n`;
const VOLUME = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n";
const logOf = (host: Host) => Deno.readTextFile(`${host.home}/daemon.log`);

/** The name of a backup of this host that began some hours ago. */
function nameAt(host: Host, hoursAgo: number): string {
  const time = new Date(Date.now() - hoursAgo * HOUR).toISOString().replace(/[-:]|\.\d+/g, "");
  return `rune-${host.daemonId.slice(0, 8)}-${time}.tgz`;
}

/** The backups of a host in a directory, and unfinished ones. */
async function ownIn(host: Host, dir: string): Promise<string[]> {
  return (await filesIn(dir)).filter((name) => name.includes(`rune-${host.daemonId.slice(0, 8)}-`));
}

/** Waits for this many backups, none unfinished. */
function backups(host: Host, dir: string, count: number): Promise<string[]> {
  return until(`${count} backups are there`, async () => {
    const names = await ownIn(host, dir);
    const busy = (await filesIn(host.dataDir)).some((name) => name.startsWith("backup-"));
    return !busy && names.length === count && names.every((name) => OWN.test(name)) && names;
  });
}

/** The value of a metric without labels. */
async function metric(host: Host, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${host.daemon.url}/metrics`)).text();
  const found = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** A directory for backups, outside of every host's home. */
async function withDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rune-test-backups-" });
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test({
  name: "a scheduled backup is made at once, and restored in an empty directory it is the same daemon",
  ignore: noRoot,
  fn: () =>
    withDir(async (dir) => {
      await using host = await startHost();
      assert.equal(await metric(host, "rune_backup_last_success_timestamp_seconds"), undefined);
      await host.rune(
        "cast",
        await host.file(
          "v.yaml",
          `${VOLUME}---\nsecret: { name: s, data: { key: hidden } }\n`,
        ),
      );
      await Deno.writeTextFile(`${host.dataDir}/volumes/default/v/file`, "kept");
      // SIGHUP is enough.
      const config = `${host.home}/runefile.yaml`;
      await Deno.writeTextFile(
        config,
        runefile(dir, "withKek: true, withVolumes: [default/v]") + "auth: { enabled: false }\n",
      );
      Deno.kill(host.daemon.pid, "SIGHUP");
      const [name] = await backups(host, dir, 1);
      assert.equal((await Deno.stat(`${dir}/${name}`)).mode! & 0o777, 0o600);
      assert.ok(name!.includes(host.daemonId.slice(0, 8)));
      const last = await until("it is told", async () =>
        await metric(host, "rune_backup_last_success_timestamp_seconds") || undefined);
      assert.ok(Math.abs(Date.now() / 1000 - last) < 300, `${last}`);
      const keys = ["every", "keep", "dir", "withKek", "withVolumes"].map((key) =>
        `backup.${key}`
      ).join(", ");
      await until("the log names what was reloaded", async () =>
        (await logOf(host)).includes(`reloaded ${keys}`));

      // It is known after a restart, so no second one is due.
      await host.daemon.stop();
      await host.restart();
      await until("it is known", async () =>
        await metric(host, "rune_backup_last_success_timestamp_seconds") === last);
      assert.deepEqual(await filesIn(dir), [name]);
      await host.daemon.stop();

      const home = await Deno.makeTempDir({ prefix: "rune-test-restored-" });
      try {
        await host.rune("admin", "restore", `${dir}/${name}`, "--data-dir", `${home}/.rune`);
        assert.equal(await Deno.readTextFile(`${home}/.rune/volumes/default/v/file`), "kept");
        const daemon = await startDaemon(home, { devMode: false, args: ["--config", config] });
        try {
          const { daemonId } = await (await fetch(`${daemon.url}/v1/status`)).json();
          assert.equal(daemonId, host.daemonId);
          const { items } = await (await fetch(`${daemon.url}/v1/namespaces/default/secrets`)).json();
          assert.deepEqual(
            items.map((s: { name: string }) =>
              s.name
            ),
            ["s"],
          );
        } finally {
          await daemon.stop();
        }
      } finally {
        await Deno.remove(home, { recursive: true });
      }
    }),
});

Deno.test({
  name: "an overdue backup is made once, the newest stay, and nothing else in the directory is touched",
  ignore: noRoot,
  fn: () =>
    withDir(async (dir) => {
      await using host = await startHost({ runefile: runefile(dir, "keep: 2") });
      const [first] = await backups(host, dir, 1);
      await host.daemon.stop();
      const old = nameAt(host, 5);
      await Deno.rename(`${dir}/${first}`, `${dir}/${old}`);
      const older = [nameAt(host, 6), nameAt(host, 7)];
      for (const name of older) await Deno.copyFile(`${dir}/${old}`, `${dir}/${name}`);
      const foreign = [
        "rune-00000000-20200101T000000Z.tgz",
        "notes.txt",
        ".rune-00000000-20200101T000000Z.tgz.partial",
      ];
      for (const name of foreign) await Deno.writeTextFile(`${dir}/${name}`, "another's");
      // The leftovers of a killed daemon.
      await Deno.writeTextFile(`${dir}/.${nameAt(host, 5)}.partial`, "half");
      await host.restart();
      await until("the old ones are gone", async () => !(await filesIn(dir)).includes(older[0]!));
      const [oldest, newest, ...more] = await backups(host, dir, 2);
      assert.deepEqual([oldest, newest! > old, more], [old, true, []]);
      const files = await filesIn(dir);
      for (const name of foreign) assert.ok(files.includes(name), `${name} of ${files}`);
    }),
});

Deno.test({
  name:
    "a full disk keeps existing backups and leaves nothing unfinished; the daemon reports it, and continues once there is space",
  ignore: noLoopDevices,
  async fn() {
    await using disk = await makeLoopFilesystem("ext4", 16);
    await using host = await startHost({ runefile: runefile(disk.path, "keep: 1") });
    const mine = () => ownIn(host, disk.path);
    const [first] = await backups(host, disk.path, 1);
    await host.daemon.stop();
    const good = nameAt(host, 2);
    await Deno.rename(`${disk.path}/${first}`, `${disk.path}/${good}`);
    await capture(["dd", "if=/dev/zero", `of=${disk.path}/ballast`, "bs=1024"]);
    await host.restart();
    await until(
      "the failure is counted",
      async () => (await metric(host, "rune_backup_failures_total"))! > 0,
    );
    assert.deepEqual(await mine(), [good]);
    const warned = new RegExp(
      `the scheduled backup fails: cannot write a backup into ${disk.path}: No space left.*the last good one is ${good}`,
    );
    assert.match((await host.rune("status")).replaceAll("\n", " "), warned);
    assert.match(
      await logOf(host),
      /\[error\] rune\.backup: the scheduled backup failed: cannot write .*; check that the directory/,
    );
    assert.deepEqual((await filesIn(host.dataDir)).filter((name) => name.startsWith("backup-")), []);

    await Deno.remove(`${disk.path}/ballast`);
    Deno.kill(host.daemon.pid, "SIGHUP");
    await until("the old one is gone", async () => !(await mine()).includes(good));
    assert.equal((await backups(host, disk.path, 1)).length, 1);
    await until("it is said no more", async () => !/scheduled backup/.test(await host.rune("status")));
  },
});

Deno.test({
  name: "a missing directory or volume is a failure that removes no good backup",
  ignore: noRoot,
  fn: () =>
    withDir(async (dir) => {
      await using host = await startHost({
        runefile: runefile(`${dir}/missing`, "keep: 1, withVolumes: [default/none]"),
      });
      const status = () => host.rune("status");
      await until("it says so", async () => /No such file or directory/.test(await status()));
      assert.deepEqual(await filesIn(dir), []);
      await Deno.mkdir(`${dir}/missing`);
      const good = nameAt(host, 9);
      await Deno.writeTextFile(`${dir}/missing/${good}`, "the last good one");
      Deno.kill(host.daemon.pid, "SIGHUP");
      await until("it says so", async () => /there is no volume default\/none/.test(await status()));
      assert.deepEqual(await filesIn(`${dir}/missing`), [good]);
    }),
});

Deno.test({
  name: "SIGKILL in the middle of a scheduled backup leaves nothing unfinished after the next start",
  ignore: noRoot,
  fn: () =>
    withDir(async (dir) => {
      await using host = await startHost();
      await host.rune("cast", await host.file("v.yaml", VOLUME));
      const block = crypto.getRandomValues(new Uint8Array(65_536));
      using file = await Deno.open(`${host.dataDir}/volumes/default/v/file`, { write: true, create: true });
      // Long enough for the kill: 48 MiB of incompressible data.
      for (let i = 0; i < 768; i++) {
        block[i] = ~block[i]!;
        await file.write(block);
      }
      const text = `${runefile(dir, "withVolumes: [default/v]")}auth: { enabled: false }\n`;
      await Deno.writeTextFile(`${host.home}/runefile.yaml`, text);
      Deno.kill(host.daemon.pid, "SIGHUP");
      await until("one is being written", async () => (await ownIn(host, dir)).length > 0);
      await host.daemon.stop("SIGKILL");
      assert.match((await ownIn(host, dir)).join(), /^\.rune-.*\.partial$/, "it was killed in the middle");
      await host.restart();
      const [name] = await backups(host, dir, 1);
      assert.equal(
        (await host.run([
          "admin",
          "restore",
          `${dir}/${name}`,
          "--data-dir",
          `${host.home}/new`,
          "--as-copy",
        ])).code,
        0,
      );
    }),
});
