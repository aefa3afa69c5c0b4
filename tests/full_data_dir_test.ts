/**
 * Tests a full disk below the data directory: status, health and resources report it, and nothing dead is
 * shown as healthy.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { makeFullFilesystem } from "../scripts/full_filesystem.ts";
import { openEngine } from "../scripts/engine.ts";
import { containerService } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

Deno.test({
  name:
    "status, /healthz and the instance of a dead container report a full data directory until there is space",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using disk = await makeFullFilesystem(64 * 1024);
    await using host = await startHost({ dataDir: `${disk.path}/data` });
    await host.rune("cast", await host.file("web.yaml", containerService("web")));
    const healthz = async () => {
      const response = await fetch(`${host.daemon.url}/healthz`);
      return { code: response.status, ...await response.json() };
    };
    assert.deepEqual(await healthz(), { code: 200, status: "ok" });
    const [{ status: { handle } }] = (await host.get("instances")).items;
    await disk.fill({ free: 0 });
    const refused = await host.run(["scale", "web", "2", "--no-wait"]);
    assert.notEqual(refused.code, 0, "what cannot be stored is refused");
    assert.match(await host.rune("status"), /warning .*the disk of the data directory .* is full/);
    assert.deepEqual(await healthz(), {
      code: 200,
      status: "degraded",
      problem: "nothing can be stored; see rune status",
    });
    const engine = openEngine();
    await engine.call(`POST /containers/${handle}/kill`).finally(() => engine.close());
    const row = await until("the row says that it died", async () => {
      const [instance] = (await host.get("instances")).items;
      return instance.status.ready === false && instance.status;
    });
    assert.notEqual(row.state, "Running");
    assert.match(row.message, /137.*this is not stored yet/);
    const service = await host.get("service", "web");
    assert.deepEqual([service.status.state, service.status.ready], ["Degraded", 0]);
    assert.match(await host.rune("get", "services"), /web +container +Degraded/);

    await disk.clear();
    await until("it runs again", async () => {
      const [instance] = (await host.get("instances")).items;
      return instance.status.ready && instance.status.run > 1 && instance.status.message === undefined;
    });
    assert.deepEqual(await healthz(), { code: 200, status: "ok" });
    assert.doesNotMatch(await host.rune("status"), /data directory .* is full/);
  },
});
