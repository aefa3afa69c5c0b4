/**
 * Tests two daemons on one host: only one of them has a directory at a time, whatever their leases say.
 * @module
 */
import assert from "node:assert/strict";
import { allowPath, hostVolume, processService } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

Deno.test({
  name:
    "a host directory that one daemon has mounted is refused to another, even while the first is down, until it is released",
  ignore: noRoot,
  async fn() {
    const shared = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-two-" }));
    try {
      await Deno.mkdir(`${shared}/inner`);
      await using first = await startHost({ runefile: allowPath(shared) });
      await using second = await startHost({ runefile: allowPath(shared) });
      const mount = "  volumes: [{ name: d, mountPath: /mnt/rune-test-two, claim: { name: v } }]\n";
      const text = (path: string) => hostVolume("v", path) + processService("web", mount);
      await first.rune("cast", await first.file("web.yaml", text(shared)));
      await first.daemon.stop("SIGKILL");
      await second.rune("cast", "--no-wait", await second.file("web.yaml", text(`${shared}/inner`)));
      const message = await until("the second says why it waits", async () => {
        const { status } = await second.get("service", "web");
        return status.reason === "VolumeNotReady" && /is held by/.test(status.message) &&
          status.message as string;
      });
      const held =
        `${shared}/inner is held by another Rune daemon, ${first.daemonId} of the data directory ` +
        `${first.dataDir}, for its volume default/v at ${shared}`;
      assert.ok(message.includes(held), message);
      assert.match(message, /remove \/run\/rune\/held\/.*\.json/);

      await first.restart();
      await first.rune("delete", "service", "web", "--yes");
      await until(
        "the second runs",
        async () => (await second.get("service", "web")).status.state === "Running",
      );
      await second.rune("delete", "service", "web", "--yes");
    } finally {
      await Deno.remove(shared, { recursive: true });
    }
  },
});

Deno.test("a volume root that one daemon uses is refused to another", async () => {
  const root = await Deno.makeTempDir({ prefix: "rune-test-root-" });
  try {
    const runefile = `storage: { localVolumeRoot: ${root} }\n`;
    await using first = await startHost({ runefile });
    await first.rune("volume", "create", "v", "--size", "1Gi");
    const refused = await startHost({ runefile }).then(
      async (host) => {
        await host[Symbol.asyncDispose]();
        return "it started";
      },
      String,
    );
    assert.match(
      refused,
      new RegExp(`the volume root ${root} is used by another Rune daemon, ${first.daemonId}`),
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
