/**
 * Shows that data at DigitalOcean survives: a program writes numbered records, and they are whole in a
 * restored snapshot, after a rebuild of the droplet with the store of before, and with an empty one.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService } from "./castfiles.ts";
import { createClass, destroyDroplet, type Droplet, NODE, startDroplet } from "./droplet.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noLoopDevices } from "./skips.ts";

const RECORDS = "/data/records";
/** Appends the next number, each with a second copy, so that a torn record shows. */
const WRITER = `trap 'exit 0' TERM; n=$(tail -n 1 ${RECORDS} 2>/dev/null | cut -d' ' -f1); ` +
  `while :; do n=$((n+1)); echo "$n $n" >> ${RECORDS}; done`;

const volume = (name: string) =>
  `volume: { name: ${name}, size: 1G, accessMode: ReadWriteOnce, storageClassName: do-volumes-nyc3 }\n---\n`;

const service = (name: string, { claim, script = "sleep 3600" }: { claim: string; script?: string }) =>
  containerService(
    name,
    `  stopTimeout: 1s\n  volumes: [{ name: data, mountPath: /data, claim: { name: ${claim} } }]\n`,
  ).replace(/command: .*/, `command: ${JSON.stringify(["/bin/sh", "-c", script])}`);

const castWriter = async (host: Host) =>
  await host.rune(
    "cast",
    await host.file("writer.yaml", volume("data") + service("writer", { claim: "data", script: WRITER })),
  );

/** The number of records. Fails the test if one is missing, torn or out of turn. */
async function countRecords(host: Host, name: string): Promise<number> {
  const text = await host.rune("exec", name, "--", "cat", RECORDS);
  // The last line may be one that is being written.
  const lines = text.slice(0, text.lastIndexOf("\n")).split("\n");
  lines.forEach((line, i) => assert.equal(line, `${i + 1} ${i + 1}`));
  return lines.length;
}

const untilMore = (host: Host, before: number) =>
  until("the writer goes on", async () => await countRecords(host, "writer") > before);

/** A snapshot of the running writer holds its records up to a moment. */
async function snapshotAndRestore(host: Host): Promise<void> {
  await castWriter(host);
  await untilMore(host, 0);
  await host.rune("snapshot", "create", "data", "--name", "moment");
  const during = await countRecords(host, "writer");
  await untilMore(host, during);
  await host.rune("volume", "restore", "copy", "--from-snapshot", "moment", "--size", "3G");
  await host.rune("cast", await host.file("reader.yaml", service("reader", { claim: "copy" })));
  const copied = await countRecords(host, "reader");
  assert.ok(copied > 0 && copied <= during, `${copied} of ${during}`);
  const blocks = await host.rune("exec", "reader", "--", "df", "-k", "/data");
  assert.ok(Number(blocks.split("\n")[1]!.split(/ +/)[1]) * 1024 > 2 * 2 ** 30, "it grew to 3 GB");
  await host.rune("service", "delete", "reader");
}

/** With the store of before: the next daemon attaches the volume to the new droplet. */
async function rebuildWithStore(host: Host, { fake }: Droplet): Promise<number> {
  const before = await countRecords(host, "writer");
  const { id } = fake.volumes.find(({ name }) => name.startsWith("rune-default-data-"))!;
  await destroyDroplet(host);
  const droplet = await fake.rebuildDroplet(NODE, { leaveAttached: true, pendingRefusals: 1 });
  await host.restart();
  await host.rune("admin", "adopt-engine", "--containers-are-gone");
  await until("the writer runs", async () => (await host.get("service", "writer")).status.ready === 1);
  await untilMore(host, before);
  assert.deepEqual(fake.volumes.find((volume) => volume.id === id)?.dropletIds, [droplet]);
  return await countRecords(host, "writer");
}

/** With an empty store: the same castfile finds the volume by its name. */
async function rebuildFresh(droplet: Droplet, before: number): Promise<void> {
  const { fake } = droplet;
  const volumes = fake.volumes.map(({ id }) => id);
  await fake.rebuildDroplet(NODE);
  await using host = await startHost({ runefile: droplet.runefile });
  await createClass(host, droplet);
  await castWriter(host);
  assert.equal((await host.get("volume", "data")).status.adopted, true);
  await untilMore(host, before);
  assert.deepEqual(fake.volumes.map(({ id }) => id), volumes, "no other volume was created");
}

Deno.test({
  name: "a writer's numbered records survive snapshot, restore, and rebuilds of the droplet",
  ignore: noDocker || noLoopDevices,
  async fn(t) {
    await ensureTestImage();
    await using droplet = await startDroplet();
    let records = 0;
    {
      await using host = await startHost({ runefile: droplet.runefile });
      await createClass(host, droplet);
      await t.step("snapshot and restore", () => snapshotAndRestore(host));
      await t.step("rebuild with the store of before", async () => {
        records = await rebuildWithStore(host, droplet);
      });
      await destroyDroplet(host);
    }
    await t.step("rebuild with an empty store", () => rebuildFresh(droplet, records));
  },
});
