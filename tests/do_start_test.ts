/** Counts the requests of a start: DigitalOcean limits them for each token. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService } from "./castfiles.ts";
import { createClass, startDroplet, stopDroplet } from "./droplet.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noLoopDevices } from "./skips.ts";

/** As many as a droplet can have. */
const VOLUMES = 15;
const MOST_REQUESTS = 40;

Deno.test({
  name:
    "a daemon with 15 attached volumes starts with fewer than 40 requests to DigitalOcean, also after a boot",
  ignore: noDocker || noLoopDevices,
  async fn() {
    await ensureTestImage();
    await using droplet = await startDroplet();
    const { fake } = droplet;
    await using host = await startHost({ runefile: droplet.runefile });
    await createClass(host, droplet);
    const names = Array.from({ length: VOLUMES }, (_, i) => `v${i}`);
    const volumes = names.map((name) =>
      `volume: { name: ${name}, size: 1G, accessMode: ReadWriteOnce, storageClassName: do-volumes-nyc3 }\n`
    );
    await host.rune("cast", await host.file("volumes.yaml", volumes.join("---\n")));
    // By hand, since the driver attaches one at a time.
    for (const { id } of fake.volumes) await fake.attachVolume(id, fake.droplets[0]!.id);
    const mounts = names.map((name) =>
      `{ name: ${name}, mountPath: /data/${name}, claim: { name: ${name} } }`
    );
    const service = containerService("web", `  stopTimeout: 1s\n  volumes: [${mounts.join(", ")}]\n`);
    await host.rune("cast", await host.file("web.yaml", service));

    const countStart = async () => {
      const before = fake.log.length;
      await host.restart();
      await until("every volume is mounted again", async () => {
        const metrics = await (await fetch(`${host.daemon.url}/metrics`)).text();
        return metrics.includes(`{driver="do-volume",call="mount",result="ok"} ${VOLUMES}`);
      });
      await until("the service is ready", async () => (await host.get("service", "web")).status.ready === 1);
      const sent = fake.log.slice(before).map(({ op }) => op);
      assert.ok(sent.length < MOST_REQUESTS, `${sent.length} requests: ${sent.join(" ")}`);
    };
    await host.daemon.stop("SIGKILL");
    await countStart();
    // After a boot of the droplet, its volumes are attached, but nothing is mounted.
    await stopDroplet(host);
    await countStart();
  },
});
