/**
 * Runs the persistent-storage guide command by command as printed. Images are local ones, and paths of the
 * host lie in a directory of the test.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { fixture } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

/** A table without column widths and ages. */
const rows = (table: string) =>
  table.trim().split("\n").map((line) => line.trim().replace(/ {2,}/g, " ").replace(/ \d+[smhd]\S*$/, ""));

/** A command of the guide: one line, run as printed. */
const rune = (host: Host, line: string) => host.rune(...line.replace(/^rune /, "").split(" "));

/** Section 1: the two initial classes. */
async function pickClass(host: Host): Promise<void> {
  assert.deepEqual(rows(await rune(host, "rune storageclass list")), [
    "NAME DRIVER DEFAULT RECLAIM AGE",
    "local local true retain",
    "local-host local-host false retain",
  ]);
}

/** Section 2: a volume claimed by name, and the owner and mode of its root. */
async function mountExisting(host: Host): Promise<void> {
  await rune(host, `rune cast ${await fixture(host, "web.yaml")}`);
  assert.match(await rune(host, "rune volume get web-data"), /^STATUS: Bound$/m);
  const directory = `${host.dataDir}/volumes/default/web-data`;
  await rune(host, "rune exec web -- touch /var/lib/web/index.html");
  await rune(host, "rune restart web");
  assert.ok((await Deno.stat(`${directory}/index.html`)).isFile, "files still there");

  await rune(host, `rune cast ${await fixture(host, "fs-ownership.yaml")}`);
  const { uid, gid, mode } = await Deno.stat(directory);
  assert.deepEqual([uid, gid, mode! & 0o7777], [1000, 1000, 0o775]);
  assert.equal((await Deno.stat(`${directory}/index.html`)).uid, 0, "the mount root only");
}

/** Section 3: a volume for each replica, with stable names. */
async function runThreeReplicas(host: Host): Promise<void> {
  await rune(host, `rune cast ${await fixture(host, "postgres.yaml")}`);
  const volumes = async () => rows(await rune(host, "rune volume list -n prod")).slice(1);
  assert.deepEqual(await volumes(), [
    "pgdata-postgres-0 local Bound 10Gi ReadWriteOnce",
    "pgdata-postgres-1 local Bound 10Gi ReadWriteOnce",
    "pgdata-postgres-2 local Bound 10Gi ReadWriteOnce",
  ]);
  await rune(host, "rune scale postgres 1 -n prod");
  await until("the volumes of the others are Available", async () =>
    (await volumes()).slice(1).join() ===
      "pgdata-postgres-1 local Available 10Gi ReadWriteOnce,pgdata-postgres-2 local Available 10Gi ReadWriteOnce");
}

/** "Using local-host for pre-existing host paths", with the guide's runefile. */
async function useHostPath(host: Host, mnt: string): Promise<void> {
  const castfile = await fixture(host, "shared-cache.yaml");
  const text = (await Deno.readTextFile(castfile)).replace("/mnt/rune", mnt);
  await Deno.writeTextFile(castfile, text);
  const refused = await host.run(["cast", castfile]);
  assert.equal(refused.code, 1, "the directory is not there, and is not made");
  assert.match(refused.stderr, /shared-cache does not exist \(create the directory/);
  await Deno.mkdir(`${mnt}/shared-cache`);
  await rune(host, "rune volume retry-provision shared-cache");
  assert.equal((await host.get("volume", "shared-cache")).status.handle, `${mnt}/shared-cache`);

  const asks = await host.file(
    "asks.yaml",
    text.replaceAll("shared-cache", "made").trimEnd() + `\n    createIfMissing: "true"\n`,
  );
  const honoured = await host.run(["cast", asks]);
  assert.match(honoured.stderr, /set storage.allowCreateMissing = true in the runefile/);
}

/** "When provisioning fails": Failed, Stalled, retry-provision; and detach. */
async function recover(host: Host): Promise<void> {
  const inTheWay = `${host.dataDir}/volumes/prod/pgdata-postgres-1`;
  await rune(host, "rune volume delete pgdata-postgres-1 -n prod");
  await Deno.rename(inTheWay, `${inTheWay}.aside`);
  await Deno.writeTextFile(inTheWay, "a file where the directory would be");
  await rune(host, "rune scale postgres 2 -n prod --no-wait");
  const volume = await until("the volume is Stalled", async () => {
    const found = await host.get("volume", "pgdata-postgres-1", "-n", "prod");
    return found.status.state === "Stalled" && found;
  });
  assert.match(volume.status.failureMessage, /is not a directory/);
  await Deno.remove(inTheWay);
  await rune(host, "rune volume retry-provision pgdata-postgres-1 -n prod");
  await until(
    "its instance runs",
    async () => (await host.get("service", "postgres", "-n", "prod")).status.ready === 2,
  );

  const held = await host.run(["volume", "detach", "pgdata-postgres-1", "-n", "prod"]);
  assert.equal(held.code, 5);
  assert.match(
    held.stderr,
    /held by instance prod\/postgres-1, which is Running\n.*rune stop postgres -n prod/,
  );
  await rune(host, "rune scale postgres 1 -n prod");
  await until("the instance has let go", async () => {
    const { status } = await host.get("volume", "pgdata-postgres-1", "-n", "prod");
    return status.state === "Available";
  });
  assert.match(
    await rune(host, "rune volume detach pgdata-postgres-1 -n prod"),
    /^volume prod\/pgdata-postgres-1 is bound to nobody \(Available\)$/m,
  );
}

/** "Cleaning up". */
async function cleanUp(host: Host): Promise<void> {
  await rune(host, "rune service delete postgres -n prod --cascade");
  await until(
    "the volumes of its replicas are gone",
    async () => (await host.get("volumes", "-n", "prod")).items.length === 0,
  );
  await rune(host, "rune service delete web");
  assert.equal(
    (await host.get("volume", "web-data")).status.state,
    "Released",
    "the safe default keeps volumes",
  );
}

Deno.test({
  name: "the persistent-storage guide works as printed",
  ignore: noDocker || noRoot,
  async fn(t) {
    await ensureTestImage();
    const mnt = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-mnt-" }));
    try {
      const runefile = `storage:\n  hostPathAllowlist: ["${mnt}"]\n  allowCreateMissing: false\n`;
      await using host = await startHost({ runefile });
      await t.step("1. Pick a storage class", () => pickClass(host));
      await t.step("2. Mount an existing Volume in a service", () => mountExisting(host));
      await t.step("3. Run a 3-replica stateful set with claimTemplate", () => runThreeReplicas(host));
      // Sections 4 and 5, snapshots and restoring, belong here: they need pgdata-postgres-0 of section 3.
      await t.step("Using local-host for pre-existing host paths", () => useHostPath(host, mnt));
      await t.step("When provisioning fails", () => recover(host));
      await t.step("Cleaning up", () => cleanUp(host));
    } finally {
      await Deno.remove(mnt, { recursive: true });
    }
  },
});
