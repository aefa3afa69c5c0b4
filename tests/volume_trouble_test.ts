/**
 * Tests that a service that fails because of its volume says why: its user may not write it, or it is full.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { makeFullFilesystem } from "../scripts/full_filesystem.ts";
import { containerService, hostVolume, processService } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

Deno.test({
  name:
    "a service that may not write its volume gets a hint at fsUser, one with a full volume says so, and so does the volume",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using disk = await makeFullFilesystem();
    const shared = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-trouble-" }));
    await Deno.mkdir(`${shared}/given`);
    await Deno.chown(`${shared}/given`, 7, 7);
    try {
      await using host = await startHost({
        runefile: `storage: { hostPathAllowlist: ["${shared}", "${disk.path}"] }\n`,
      });
      const says = (service: string, pattern: RegExp) =>
        until(`${service} says why it died`, async () => {
          const { status } = await host.get("service", service);
          return pattern.test(status.message ?? "") && status.message as string;
        });
      const runScript = (script: string) => JSON.stringify(["sh", "-c", script]);
      const text = hostVolume("given", `${shared}/given`) +
        containerService(
          "denied",
          "  securityContext: { user: '1000' }\n" +
            "  volumes: [{ name: d, mountPath: /data, claim: { name: given } }]\n",
        ).replace(/command: .*/, `command: ${runScript("touch /data/mark")}`);
      await host.rune("cast", "--no-wait", await host.file("denied.yaml", text));
      await says("denied", /its user may not write \/data: set fsUser of the mount "d" to the number/);
      const events = await host.rune("events");
      assert.match(events, /Exited.*set fsUser of the mount/);

      await disk.fill({ free: 0 });
      const dir = `${host.home}/view`;
      const script = `sleep 1; head -c 1000000 /dev/zero > ${dir}/x`;
      const full = hostVolume("small", disk.path) +
        processService(
          "filler",
          `  volumes: [{ name: d, mountPath: ${dir}, claim: { name: small } }]\n`,
          script,
        );
      await host.rune("cast", "--no-wait", await host.file("full.yaml", full));
      await says(
        "filler",
        /volume default\/small is full \(no room is left of 1\S*\): make room, or grow it/,
      );
      await until("the volume says that it is full", async () => {
        const { status } = await host.get("volume", "small");
        return status.conditions.some((c: { type: string; value: boolean }) => c.type === "Full" && c.value);
      });
      assert.match(await host.rune("describe", "volume", "small"), /Full[^]*no room is left/);
      await host.rune("delete", "service", "filler", "--yes");
    } finally {
      await Deno.remove(shared, { recursive: true });
    }
  },
});
