/**
 * Tests a volume's directory that is moved away while a run has it mounted: no byte is written where nobody
 * would find it.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { allowPath, hostVolume, RUNNER_KINDS } from "./castfiles.ts";
import { startHost, until } from "./host.ts";

for (const { kind, ignore, dir, cast } of RUNNER_KINDS) {
  Deno.test({
    name:
      `${kind}: a run whose volume was replaced while the daemon was away is stopped before anybody gets the volume`,
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      const shared = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-moved-" }));
      try {
        await Deno.mkdir(`${shared}/data/sub`, { recursive: true });
        await Deno.mkdir(`${shared}/other`);
        await using host = await startHost({ runefile: allowPath(shared) });
        const mounts = "  volumes:\n" +
          `    - { name: d, mountPath: ${dir(host)}, subPath: sub, claim: { name: data } }\n` +
          `    - { name: o, mountPath: ${dir(host)}2, claim: { name: other } }\n`;
        const volumes = hostVolume("data", `${shared}/data`) + hostVolume("other", `${shared}/other`);
        await host.rune("cast", await host.file("web.yaml", volumes + cast(mounts)));
        const write = (name: string) => host.rune("exec", "web", "--", "touch", `${dir(host)}/${name}`);
        const run = async () => (await host.get("instances")).items[0].status.run as number;
        const waitForMount = (volume: string) =>
          until(`volume ${volume} is mounted`, async () => {
            const { status } = await host.get("volume", volume);
            return status.state === "Bound" && !status.failureMessage;
          });
        await write("before");

        // Nothing has changed, so it continues.
        await host.daemon.stop("SIGKILL");
        await host.restart();
        await Promise.all(["data", "other"].map(waitForMount));
        assert.equal(await run(), 1);

        // As after a restore into the same path: the old directory is aside, and a copy is in its place.
        await host.daemon.stop("SIGKILL");
        await Deno.rename(`${shared}/data`, `${shared}/lost`);
        const copied = await new Deno.Command("cp", { args: ["-a", `${shared}/lost`, `${shared}/data`] })
          .output();
        assert.ok(copied.success);
        await host.restart();
        await until("another run is ready", async () => {
          const [{ status }] = (await host.get("instances")).items;
          return status.run === 2 && status.ready;
        });
        await write("after");
        const names = (at: string) => Array.from(Deno.readDirSync(at), (entry) => entry.name).sort();
        assert.deepEqual(names(`${shared}/data/sub`), ["after", "before"]);
        assert.deepEqual(names(`${shared}/lost/sub`), ["before"]);
        assert.match(
          await host.rune("events"),
          /MountedElsewhere.*run 1 had another directory mounted than .*\/data, which volume default\/data is now/,
        );
      } finally {
        await Deno.remove(shared, { recursive: true });
      }
    },
  });
}
