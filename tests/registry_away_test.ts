/**
 * Tests that an unreachable registry stops no service whose image is here, and blocks nothing for ever.
 * @module
 */
import assert from "node:assert/strict";
import { capture } from "../scripts/command.ts";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { SLEEP } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noRegistry, openRegistry, PASSWORD, USER } from "./private_registry.ts";
import { noDocker, noRoot } from "./skips.ts";

Deno.test({
  name:
    "without the registry, crashes, a boot, stop and start use the local image; a restart waits for the registry and succeeds later",
  ignore: noDocker || noRoot || noRegistry,
  async fn() {
    await ensureTestImage();
    await using registry = await openRegistry();
    const image = await registry.push("team/app");
    const prepares = await registry.push("team/prepare");
    await using host = await startHost({
      runefile:
        `docker:\n  registries:\n    - { match: "${registry.host}", username: ${USER}, password: ${PASSWORD} }\n`,
    });
    const command = JSON.stringify(["/bin/sh", "-c", SLEEP]);
    const castfile = await host.file(
      "offline.yaml",
      `service:\n  name: offline\n  image: ${image}\n  imagePull: always\n  stopTimeout: 1s\n  command: ${command}\n` +
        `  initSteps: [{ name: prepare, image: "${prepares}", command: ["true"] }]\n`,
    );
    await host.rune("cast", castfile);
    await registry.goAway();

    const first = (await host.get("instance", "offline-0")).status;
    await capture(["docker", "kill", first.handle]);
    const runs = (restarts: number) =>
      until("it runs again", async () => {
        const { status } = await host.get("instance", "offline-0");
        return status.state === "Running" && status.restarts === restarts;
      });
    await runs(1);
    assert.match(
      await host.rune("events"),
      /ImageNotRefreshed .*the registry does not answer.*that is here/,
    );

    await host.daemon.stop("SIGKILL");
    await capture([
      "docker",
      "kill",
      (await capture(["docker", "ps", "-q", "--filter", `label=rune.io/daemon=${host.daemonId}`])).stdout
        .trim(),
    ]);
    await host.restart();
    await runs(2);
    await host.rune("stop", "offline");
    await host.rune("scale", "offline", "2");

    // Only these ask the registry for the current image.
    const { code, stderr } = await host.run(["restart", "offline", "--timeout", "15s"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /ImageUnreachable.*the registry does not answer/);
    assert.equal((await host.get("service", "offline")).status.ready, 2, "what runs goes on");
    await registry.comeBack();
    await until("the restart goes on by itself", async () => {
      const { status } = await host.get("service", "offline");
      return status.state === "Running" && status.updated === 2 && status.rolloutStartedAt === undefined;
    });
    await host.rune("delete", "offline", "--yes");
  },
});
