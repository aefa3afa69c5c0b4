/**
 * Tests snapshots and restores with the real program: faithful, complete or absent, and independent of their
 * volume.
 * @module
 */
import assert from "node:assert/strict";
import { plantTree, readTree } from "../drivers/conformance_tree.ts";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { capture } from "../scripts/command.ts";
import { makeLoopFilesystem } from "../scripts/loop_filesystem.ts";
import { allowPath, fixture, hostVolume } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noLoopDevices, noRoot } from "./skips.ts";

const VOLUME = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n";
const pathOf = (host: Host, volume: string) => `${host.dataDir}/volumes/default/${volume}`;
const snapshotsOf = (host: Host) => `${host.dataDir}/volumes/.snapshots/default`;

async function withVolume(host: Host): Promise<string> {
  await host.rune("cast", await host.file("v.yaml", VOLUME));
  return pathOf(host, "v");
}

async function fill(directory: string, files: number): Promise<void> {
  const data = crypto.getRandomValues(new Uint8Array(2048));
  for (let i = 0; i < files; i++) Deno.writeFileSync(`${directory}/${i}`, data);
  await capture(["sync", "--file-system", directory]);
}

/** A resource from the API, which is cheaper to poll than the command line. */
// deno-lint-ignore no-explicit-any
async function resource(host: Host, path: string): Promise<any> {
  return await (await fetch(`${host.daemon.url}/v1/namespaces/default/${path}`)).json();
}

async function names(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map((entry) => entry.name).sort();
}

/**
 * The metadata of everything below a directory with a digest of each file: like `readTree`, for many files.
 */
async function listTree(directory: string): Promise<string> {
  const script = "find . -printf '%p %y %m %U:%G %T@\\n' | sort; find . -type f | sort | xargs sha256sum";
  return (await capture(["sh", "-c", script], { cwd: directory })).stdout;
}

/** Waits until a copy is in progress in a directory. */
function partial(directory: string): Promise<boolean> {
  return until(
    "a copy is under way",
    async () => (await names(directory)).some((name) => name.endsWith(".partial")),
  );
}

Deno.test({
  name: "the guide's sections 4 and 5, as printed: snapshot a volume, restore into a new volume",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const env = { RUNE_NAMESPACE: "" };
    await host.rune("cast", await fixture(host, "postgres.yaml"));
    await host.rune(
      ..."exec postgres-0 -n prod -- sh -c".split(" "),
      "echo precious > /var/lib/postgresql/data/table",
    );
    const rune = (line: string) => host.rune(...line.split(" "));

    await rune("snapshot create pgdata-postgres-0 --name pgdata-2025-11-15 -n prod");
    assert.match(await rune("snapshot get pgdata-2025-11-15 -n prod"), /STATUS: +Ready/);

    await rune(
      "volume restore pgdata-restore --from-snapshot pgdata-2025-11-15 --snapshot-namespace prod --storage-class local -n prod",
    );
    const text = (await Deno.readTextFile(new URL("./fixtures/pg-verify.yaml", import.meta.url)))
      .replace(/image: .*/, `image: ${TEST_IMAGE}`);
    await host.rune("cast", await host.file("pg-verify.yaml", text));
    Object.assign(host.daemon.env, env);
    const listed = await host.run("exec pg-verify -- ls /var/lib/postgresql/data".split(" "));
    assert.deepEqual([listed.code, listed.stdout], [0, "table\n"], listed.stderr);
    assert.match(listed.stderr, /service pg-verify is in namespace prod/);

    assert.match(
      await rune("snapshot list -n prod"),
      /^NAME +VOLUME +STATUS +SIZE +AGE\npgdata-2025-11-15 +pgdata-postgres-0 +Ready +\d/,
    );
    assert.match(
      await rune("describe volume pgdata-restore -n prod"),
      /Restored from: +snapshot prod\/pgdata-2025/,
    );
    // Only the snapshot goes: a restored volume has its own copy.
    await rune("snapshot delete pgdata-2025-11-15 -n prod");
    assert.deepEqual((await host.get("snapshots", "-n", "prod")).items, []);
    assert.equal(await rune("exec pg-verify -n prod -- cat /var/lib/postgresql/data/table"), "precious\n");
    // As printed, the volume is deleted while mounted: it goes once it is unmounted, and its data stays.
    const handle = (await host.get("volume", "pgdata-restore", "-n", "prod")).status.handle;
    assert.match(
      await rune("volume delete pgdata-restore -n prod"),
      /will be deleted when prod\/pg-verify-0 releases it; its data is kept/,
    );
    assert.equal(await rune("exec pg-verify -n prod -- cat /var/lib/postgresql/data/table"), "precious\n");
    await rune("service delete postgres -n prod --cascade");
    await rune("service delete pg-verify -n prod");
    await until("the row is gone", async () => (await host.get("volumes", "-n", "prod")).items.length === 0);
    assert.equal(await Deno.readTextFile(`${handle}/table`), "precious\n");
  },
});

Deno.test({
  name:
    "a restored volume keeps owners, modes, times to the nanosecond, xattrs, ACLs, hard links, holes, fifos and sockets",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const source = await withVolume(host);
    await plantTree(source);
    for (const rule of ["u:1234:rwx", "g:4321:r-x"]) {
      assert.equal((await capture(["setfacl", "-m", rule, `${source}/dir/inner/plain`])).code, 0);
    }
    assert.equal((await capture(["setfacl", "-d", "-m", "u:1234:rwx", `${source}/dir`])).code, 0);
    const acls = async (path: string) =>
      (await capture(["getfacl", "-R", "-n", "--absolute-names", path])).stdout.replaceAll(path, "");
    const before = [await readTree(source), await acls(source)];
    assert.match(before[1] as string, /user:1234:rwx/);
    assert.match(before[1] as string, /default:user:1234/);

    await host.rune("snapshot", "create", "v", "--name", "s");
    await host.rune("volume", "restore", "copy", "--from-snapshot", "s");
    const copy = pathOf(host, "copy");
    assert.deepEqual([await readTree(copy), await acls(copy)], before);
    assert.deepEqual([await readTree(source), await acls(source)], before, "the source is as it was");

    // Into another namespace, by a castfile that waits for a snapshot in the same file.
    const other = "volume:\n  name: far\n  namespace: other\n  size: 1Gi\n  accessMode: ReadWriteOnce\n" +
      "  source: { snapshot: s, namespace: default }\n";
    const castfile = await host.file("far.yaml", other);
    await host.rune("cast", castfile);
    assert.deepEqual(await readTree(`${host.dataDir}/volumes/other/far`), before[0]);
    assert.match(await host.rune("cast", castfile), /unchanged/);
    const changed = await host.file("changed.yaml", other.replace("snapshot: s", "snapshot: t"));
    const refused = await host.run(["cast", changed]);
    assert.equal(refused.code, 6);
    assert.match(refused.stderr, /source: cannot change on an existing volume/);
  },
});

Deno.test({
  name: "a snapshot outlives its volume and its class: it can be restored and deleted",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const text = "storageClass: { name: fast, driver: local }\n---\n" +
      "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce, storageClassName: fast, reclaimPolicy: delete }\n---\n" +
      "snapshot: { name: s, source: { volume: v }, labels: { app: web } }\n";
    const castfile = await host.file("all.yaml", text);
    assert.match(await host.rune("cast", castfile), /snapshot default\/s created \(Ready\)/);
    await Deno.writeTextFile(`${pathOf(host, "v")}/later`, "not in the snapshot");
    await host.rune("snapshot", "create", "v", "--name", "second");
    await host.rune("volume", "delete", "v", "--yes");
    await host.rune("storageclass", "delete", "fast", "--cascade", "--yes");

    await host.rune("snapshot", "restore", "second", "again", "--size", "2Gi");
    const again = await host.get("volume", "again");
    assert.deepEqual([again.spec.storageClassName, again.spec.size], ["local", "2Gi"]);
    assert.equal(await Deno.readTextFile(`${pathOf(host, "again")}/later`), "not in the snapshot");
    assert.deepEqual(await names(snapshotsOf(host)), await uids(host));
    await host.rune("snapshot", "delete", "s", "second", "--yes");
    assert.deepEqual(await names(snapshotsOf(host)), []);
    assert.deepEqual((await host.get("snapshots")).items, []);
  },
});

async function uids(host: Host): Promise<string[]> {
  const { items } = await host.get("snapshots");
  return items.map((s: { uid: string }) => s.uid).sort();
}

Deno.test({
  name: "impossible snapshots and restores are refused with a message and an exit code",
  ignore: noRoot,
  async fn() {
    const shared = await Deno.makeTempDir({ prefix: "rune-test-host-" });
    try {
      await using host = await startHost({ runefile: allowPath(shared) });
      const text = hostVolume("host", shared) + VOLUME;
      await host.rune("cast", await host.file("v.yaml", text));
      await host.rune("snapshot", "create", "v", "--name", "s");
      const refuses = async (line: string, code: number, message: RegExp) => {
        const result = await host.run(line.split(" "));
        assert.equal(result.code, code, `${line}\n${result.stderr}`);
        assert.match(result.stderr, message);
        assert.match(result.stderr, /hint: /);
      };
      await refuses("snapshot create host --name h", 6, /driver local-host, which takes no snapshots/);
      await refuses("snapshot create w --name w", 6, /there is no volume default\/w/);
      await refuses("snapshot create v --name s", 5, /exists already[^]*choose another --name/);
      await refuses("volume restore r --from-snapshot t", 4, /snapshot t does not exist/);
      await refuses("volume restore v --from-snapshot s", 5, /exists already[^]*choose another name/);
      await refuses(
        "volume restore r --from-snapshot s --storage-class local-host",
        6,
        /has the driver local, but storage class local-host uses local-host/,
      );
      await Deno.mkdir(pathOf(host, "full"));
      await Deno.writeTextFile(`${pathOf(host, "full")}/theirs`, "kept");
      await refuses("volume restore full --from-snapshot s", 1, /already holds data/);
      assert.equal(await Deno.readTextFile(`${pathOf(host, "full")}/theirs`), "kept");
      const { items } = await host.get("snapshots");
      assert.deepEqual(items.map((s: { name: string }) => s.name), ["s"]);
    } finally {
      await Deno.remove(shared, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "a daemon killed in the middle of a copy or a restore leaves nothing unfinished: the next one completes it",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const source = await withVolume(host);
    await host.rune("snapshot", "create", "v", "--name", "empty");
    await fill(source, 8_000);
    const before = await listTree(source);

    await host.rune("snapshot", "create", "v", "--name", "s", "--no-wait");
    await partial(snapshotsOf(host));
    await host.daemon.stop("SIGKILL");
    const half = (await names(snapshotsOf(host))).filter((name) => !name.startsWith("."));
    assert.equal(half.length, 1, "what is not whole does not look like a snapshot");
    await host.restart();
    await until(
      "the snapshot is taken",
      async () => (await resource(host, "snapshots/s")).status.state === "Ready",
    );
    assert.equal(await listTree((await host.get("snapshot", "s")).status.handle), before);
    assert.deepEqual(await names(snapshotsOf(host)), await uids(host), "no rubbish");

    await host.rune("volume", "restore", "copy", "--from-snapshot", "s", "--no-wait");
    await partial(`${host.dataDir}/volumes/default`);
    await host.daemon.stop("SIGKILL");
    await assert.rejects(Deno.stat(pathOf(host, "copy")), Deno.errors.NotFound);
    await host.restart();
    await until(
      "it is restored",
      async () => (await resource(host, "volumes/copy")).status.state === "Available",
    );
    assert.equal(await listTree(pathOf(host, "copy")), before);
    assert.deepEqual(await names(`${host.dataDir}/volumes/default`), ["copy", "v"]);

    await host.rune("snapshot", "create", "v", "--name", "unwanted", "--no-wait");
    await partial(snapshotsOf(host));
    await host.rune("snapshot", "delete", "unwanted", "--yes");
    assert.deepEqual(
      await names(snapshotsOf(host)),
      await uids(host),
      "a copy that nobody wants ends at once",
    );
  },
});

Deno.test({
  name: "a snapshot without room says so, leaves nothing behind, and succeeds once there is room",
  ignore: noLoopDevices,
  async fn() {
    await using disk = await makeLoopFilesystem("ext4", 64);
    await using host = await startHost({ runefile: `storage: { localVolumeRoot: ${disk.path}/volumes }\n` });
    await host.rune("cast", await host.file("v.yaml", VOLUME));
    const big = `${disk.path}/volumes/default/v/big`;
    await Deno.writeFile(big, crypto.getRandomValues(new Uint8Array(65_536)));
    for (let i = 0; i < 9; i++) await Deno.writeFile(big, new Uint8Array(4 << 20).fill(1), { append: true });
    await host.rune("snapshot", "create", "v", "--name", "s", "--no-wait");
    const failed = await until("it failed", async () => {
      const { status } = await resource(host, "snapshots/s");
      return status.state === "Failed" && status;
    });
    assert.match(failed.failureMessage, /No space left on device/);
    assert.ok(failed.nextAttemptAt);
    assert.deepEqual(await names(`${disk.path}/volumes/.snapshots/default`), []);
    await Deno.truncate(big, 1 << 20);
    const ready = await until("there is room", async () => {
      const { status } = await resource(host, "snapshots/s");
      return status.state === "Ready" && status;
    });
    assert.equal(ready.failureMessage, undefined);
    assert.equal((await Deno.stat(`${ready.handle}/big`)).size, 1 << 20);
    assert.match(await host.rune("events"), /SnapshotFailed +snapshot\/s/);
  },
});
