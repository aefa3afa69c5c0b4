import assert from "node:assert/strict";
import { buildTestImage, dockerHere } from "./test_image.ts";
import { makeDockerRoom } from "./test_room.ts";

Deno.test({
  name: "describeImage() tells what an image declares, and says that one is not here",
  ignore: !dockerHere,
  fn: async () => {
    const room = await makeDockerRoom();
    try {
      await using image = await buildTestImage([
        "VOLUME /data/ srv/db/data /data",
        "USER app:1000",
        "STOPSIGNAL SIGQUIT",
        "ENV COLOUR=a=b",
        'ENTRYPOINT ["/bin/sh"]',
        "HEALTHCHECK --interval=2s --retries=5 CMD test -e /ready",
      ]);
      const signal = AbortSignal.timeout(20_000);
      const { id, env, ...facts } = await room.runner.describeImage!(image.name, signal);
      assert.match(id, /^sha256:[0-9a-f]{64}$/);
      assert.equal(env.COLOUR, "a=b");
      assert.deepEqual(facts, {
        volumes: ["/data", "/srv/db/data"],
        user: "app:1000",
        stopSignal: "SIGQUIT",
        entrypoint: ["/bin/sh"],
        command: [],
        healthcheck: {
          command: ["/bin/sh", "-c", "test -e /ready"],
          intervalMs: 2000,
          timeoutMs: 30_000,
          startPeriodMs: 0,
          retries: 5,
        },
      });
      await using plain = await buildTestImage(["HEALTHCHECK NONE", "LABEL a=b"]);
      const bare = await room.runner.describeImage!(plain.name, signal);
      assert.equal(bare.healthcheck, undefined);
      assert.deepEqual(bare.volumes, []);
      await assert.rejects(room.runner.describeImage!("rune-test/none:1", signal), { code: "not_found" });
    } finally {
      await room.cleanup();
    }
  },
});
