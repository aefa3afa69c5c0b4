/**
 * Tests the HEALTHCHECK of an image: Rune uses it if the service has no check of its own, and never runs it
 * in vain.
 * @module
 */
import assert from "node:assert/strict";
import { buildTestImage } from "../runners/docker/test_image.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

Deno.test({
  name: "an image's HEALTHCHECK decides readiness if the service has no check of its own, and else is off",
  ignore: noDocker || noRoot,
  async fn() {
    await using image = await buildTestImage([
      "HEALTHCHECK --interval=1s --retries=1 CMD sh -c 'echo asked >> /tmp/asked; test -e /tmp/well'",
      'CMD ["sleep", "3600"]',
    ]);
    await using host = await startHost();
    const file = await host.file(
      "checked.yaml",
      `service: { name: checked, image: "${image.name}", imagePull: never, stopTimeout: 1s }
---
service:
  name: after-checked
  process: { command: /bin/sleep, args: ["3600"] }
  dependencies: [{ name: checked, readyWhen: healthy, timeoutSeconds: 20 }]
---
service:
  name: own
  image: "${image.name}"
  imagePull: never
  stopTimeout: 1s
  health: { readiness: { type: exec, command: ["true"] } }
`,
    );
    await host.rune("cast", "--no-wait", file);
    await until("it has failed", async () => {
      const { status } = await host.get("instance", "checked-0");
      return !status.ready && /readiness check failed/.test(status.message ?? "");
    });
    assert.match(
      (await host.get("service", "after-checked")).status.message,
      /waits for default\/checked to be healthy/,
    );
    assert.match(await host.rune("describe", "checked"), /Readiness: +exec .*\(the image's HEALTHCHECK/);
    assert.match((await host.run(["health", "checked", "--checks"])).stdout, /readiness /);
    // The Engine's own check is off.
    await until("the other one is ready", async () => (await host.get("service", "own")).status.ready === 1);
    const asked = await host.run(["exec", "own", "--", "ls", "/tmp/asked"]);
    assert.notEqual(asked.code, 0, "its HEALTHCHECK never ran");
    assert.doesNotMatch(await host.rune("describe", "own"), /HEALTHCHECK/);

    await host.rune("exec", "checked", "--", "touch", "/tmp/well");
    await until(
      "both run",
      async () => (await host.get("service", "after-checked")).status.state === "Running",
    );
    assert.equal((await host.get("service", "checked")).status.ready, 1);
  },
});
