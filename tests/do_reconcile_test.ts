/**
 * What the controllers add to the driver `do-volume`, with a real daemon against the fake of DigitalOcean.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService } from "./castfiles.ts";
import { createClass, startDroplet } from "./droplet.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noLoopDevices } from "./skips.ts";

const makeVolume = (name: string) =>
  `volume:\n  name: ${name}\n  storageClassName: do-volumes-nyc3\n  size: 1G\n  accessMode: ReadWriteOnce\n`;
const makeSecret = (token: string) =>
  `secret:\n  name: do-api-token\n  namespace: shared\n  data: { token: ${token} }\n`;
const WRITER = containerService(
  "writer",
  "  volumes:\n    - { name: d, mountPath: /data, claim: { name: data } }\n",
);

async function cast(host: Host, ...castfiles: string[]): Promise<void> {
  await host.rune("cast", "--no-wait", await host.file("cast.yaml", castfiles.join("---\n")));
}

Deno.test({
  name: "a restarted service finds its volume of do-volume attached, and a deletion detaches it at once",
  ignore: noDocker || noLoopDevices,
  async fn() {
    await ensureTestImage();
    await using droplet = await startDroplet();
    await using host = await startHost({ runefile: droplet.runefile });
    const { fake } = droplet;
    const count = (type: string) => fake.requests("volumeActions_post_byId", type).length;
    await createClass(host, droplet);
    await cast(host, makeVolume("data"), WRITER);
    const uidOf = async () => {
      const [instance] = (await host.get("instances")).items;
      return instance?.status.ready ? instance.uid : undefined;
    };
    const first = await until("the writer runs", uidOf);
    for (const command of [["scale", "writer", "0"], ["scale", "writer", "1"], ["restart", "writer"]]) {
      await host.rune(...command);
    }
    await until("another writer runs", async () => {
      const uid = await uidOf();
      return uid !== undefined && uid !== first;
    });
    assert.deepEqual([count("attach"), count("detach")], [1, 0]);

    await host.rune("delete", "service", "writer");
    const { boundNode } = await until("the volume is unmounted", async () => {
      const { status } = await host.get("volume", "data");
      return status.state === "Released" && status.unmountedAt && status;
    });
    assert.deepEqual([boundNode, count("detach")], ["web-1", 0]);
    await host.rune("volume", "delete", "data", "--yes");
    await until("the row is gone", async () => (await host.run(["get", "volume", "data"])).code !== 0);
    assert.equal(count("detach"), 1);
    assert.deepEqual(fake.volumes.map(({ dropletIds }) => dropletIds.length), [0], "its data stays");
  },
});

Deno.test({
  name:
    "a volume of do-volume recovers by itself when its token is replaced, and snapshots keep the provider's pace",
  ignore: noLoopDevices,
  async fn() {
    await using droplet = await startDroplet();
    await using host = await startHost({ runefile: droplet.runefile });
    const { fake } = droplet;
    await createClass(host, droplet);
    fake.revokeToken(droplet.token);
    await cast(host, makeVolume("data"));
    const read = async (kind: string, name: string) => (await host.get(kind, name)).status;
    // After six attempts nothing more is tried.
    const stalled = await until("it is Stalled", async () => {
      const status = await read("volume", "data");
      return status.state === "Stalled" && status;
    });
    assert.match(stalled.failureMessage, /DigitalOcean refused the token/);
    await cast(host, makeSecret(fake.createToken("full")));
    await until("it is Available", async () => (await read("volume", "data")).state === "Available");
    assert.equal(fake.volumes.length, 1);

    const makeSnapshot = (name: string) => `snapshot:\n  name: ${name}\n  source: { volume: data }\n`;
    await cast(host, makeSnapshot("first"));
    await until(
      "the first snapshot is Ready",
      async () => (await read("snapshot", "first")).state === "Ready",
    );
    await cast(host, makeSnapshot("second"));
    const second = await until("the second snapshot waits", async () => {
      const status = await read("snapshot", "second");
      return status.failureMessage && status;
    });
    assert.deepEqual(
      [second.state, second.failureMessage],
      ["Pending", "waits until 10 minutes after the last snapshot of the volume"],
    );
    assert.equal(fake.snapshots.length, 1);
  },
});
