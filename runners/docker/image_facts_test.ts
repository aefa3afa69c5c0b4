import assert from "node:assert/strict";
import { describeImage } from "./image_facts.ts";
import { withFakeEngine } from "./test_engine.ts";
import { buildTestImage, dockerHere } from "./test_image.ts";
import { makeDockerRoom } from "./test_room.ts";

Deno.test({
  name: "describeImage() reads the declarations of an image, and reports a missing one",
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

Deno.test({
  name:
    "readImage() and lookIntoImage() show a directory as in a new container, and leave no container behind, even after a kill",
  ignore: !dockerHere,
  fn: async () => {
    const room = await makeDockerRoom();
    try {
      await using image = await buildTestImage([
        "RUN mkdir -p /data/sub /empty && echo one > /data/sub/file && echo two > /data/other && chown -R 1000:1000 /data",
        "VOLUME /data /fresh",
      ]);
      const signal = AbortSignal.timeout(60_000);
      // As a daemon that died in between leaves it.
      const labels = { "rune.io/daemon": room.daemonId, "rune.io/look": "image" };
      await room.send("/containers/create", "POST", { Image: image.name, Labels: labels });
      const tar = async (path: string) => {
        const stream = await room.runner.readImage!({ image: image.name, path }, signal);
        const child = new Deno.Command("tar", {
          args: ["-tv", "--numeric-owner"],
          stdin: "piped",
          stdout: "piped",
        })
          .spawn();
        await stream.pipeTo(child.stdin);
        return new TextDecoder().decode((await child.output()).stdout);
      };
      assert.match(await tar("/data"), /1000\/1000 .* \.\/\n(.*\n)*.*1000\/1000 .* \.\/sub\/file\n/);
      assert.doesNotMatch(await tar("/nowhere"), /\S/);
      const { id } = await room.runner.describeImage!(image.name, signal);
      const paths = ["/data", "/empty", "/fresh", "/nowhere", "/bin/busybox", "/bin/sh"];
      for (const reference of [image.name, id, id]) {
        const found = await room.runner.lookIntoImage!(reference, paths, signal);
        assert.deepEqual(
          paths.map((path) => [found.get(path)!.kind, ...found.get(path)!.entries.toSorted()].join(" ")),
          ["directory other sub", "directory", "directory", "absent", "file", "unknown"],
        );
      }
      const cancelled = await room.runner.readImage!({ image: image.name, path: "/data" }, signal);
      await cancelled.cancel();
      assert.deepEqual(
        await room.list(
          `/containers/json?all=1&filters=${
            encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${room.daemonId}`] }))
          }`,
        ),
        [],
      );
      await assert.rejects(room.runner.readImage!({ image: "rune-test/none:1", path: "/" }, signal), {
        code: "not_found",
      });
    } finally {
      await room.cleanup();
    }
  },
});

Deno.test("describeImage() names the other processor that an image is for", async () => {
  const own = { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch];
  for (const [Architecture, foreign] of [[own, undefined], ["s390x", "s390x"], ["", undefined]]) {
    await withFakeEngine(
      () => Response.json({ Id: "sha256:1", Architecture, Config: null }),
      async (engine) => {
        const facts = await describeImage(engine, "app", AbortSignal.timeout(10_000));
        assert.equal(facts.foreign, foreign);
        assert.deepEqual(facts.volumes, []);
      },
    );
  }
});
