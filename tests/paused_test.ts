/** Tests a container that somebody pauses by hand: Rune reports it and routes nobody to it. @module */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { capture } from "../scripts/command.ts";
import { containerService } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

/**
 * Checked by tcp, because an exec check that starts while somebody pauses the container hangs half created,
 * and then the Engine (20.10) answers nothing about that container.
 */
const CHECKED = `service:
  name: web
  image: ${TEST_IMAGE}
  command: [httpd, -f, -p, "80", -h, /tmp]
  health: { readiness: { type: tcp, port: 80, intervalSeconds: 1, failureThreshold: 2 } }
`;

for (
  const { what, web } of [
    { what: "without a check", web: containerService("web") },
    { what: "with a check of its readiness", web: CHECKED },
  ]
) {
  Deno.test({
    name: `a container ${what} that is paused by hand is Paused, not ready and not found, until it goes on`,
    ignore: noDocker || noRoot,
    async fn() {
      await ensureTestImage();
      await using host = await startHost();
      const text = `${web}---\n${containerService("client")}`;
      await host.rune("cast", "--timeout", "40s", await host.file("cast.yaml", text));
      const finds = async () => (await host.run(["exec", "client", "--", "nslookup", "web"])).code === 0;
      await until("the name is answered", finds);
      const { handle, run } = (await host.get("instance", "web-0")).status;
      const docker = async (...args: string[]) => assert.equal((await capture(["docker", ...args])).code, 0);

      await docker("pause", handle);
      const paused = await until("it is told", async () => {
        const { status } = await host.get("instance", "web-0");
        return status.state === "Paused" && status;
      });
      assert.deepEqual([paused.ready, paused.reason, paused.restarts], [false, "Paused", 0]);
      assert.match(paused.message, /it is paused by somebody else; let it go on with docker unpause/);
      assert.equal(await finds(), false);
      assert.match(await host.rune("describe", "web"), /^Status: +Failed \(Paused\): web-0: it is paused/m);
      assert.equal((await host.run(["health", "web"])).code, 1);

      await docker("unpause", handle);
      await until("it is ready again", async () => (await host.get("service", "web")).status.ready === 1);
      await until("the name is answered again", finds);
      assert.equal((await host.get("instance", "web-0")).status.run, run);
    },
  });
}
