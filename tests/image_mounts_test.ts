/**
 * Tests mounts over content of the image: hidden files are reported, and a mount on a file is refused in
 * plain words.
 * @module
 */
import assert from "node:assert/strict";
import { buildTestImage } from "../runners/docker/test_image.ts";
import { startHost } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

Deno.test({
  name:
    "a configmap over a directory of the image is reported by cast and as an event; one over a file fails at once with a clear message",
  ignore: noDocker || noRoot,
  async fn() {
    await using image = await buildTestImage([
      "RUN mkdir -p /app/conf /app/empty && echo base > /app/conf/base && echo old > /app/conf/main",
      'CMD ["sleep", "3600"]',
    ]);
    await using host = await startHost();
    const castfile = (name: string, mountPath: string) =>
      host.file(
        `${name}.yaml`,
        "configmap: { name: main-conf, data: { main: new } }\n---\n" +
          `service:\n  name: ${name}\n  image: ${image.name}\n  imagePull: never\n  stopTimeout: 1s\n` +
          `  configMounts: [{ name: conf, configName: main-conf, mountPath: ${mountPath} }]\n`,
      );
    const said = await host.rune("cast", await castfile("hides", "/app/conf"));
    assert.match(
      said,
      /warning service default\/hides: what the image has in \/app\/conf \(base, main\) is hidden/,
    );
    assert.match(
      await host.rune("events"),
      /MountHidesFiles +instance\/hides-0 +what the image has in \/app\/conf/,
    );
    for (const free of ["/app/empty", "/app/new"]) {
      assert.doesNotMatch(await host.rune("cast", await castfile("free", free)), /warning/, free);
    }
    const { code, stderr } = await host.run(["cast", await castfile("onfile", "/app/conf/main")]);
    assert.equal(code, 1);
    assert.match(stderr, /nothing can be mounted at \/app\/conf\/main: it is a file in the image/);
    assert.doesNotMatch(stderr, /OCI|runc|crashed/);
    const { status } = await host.get("instance", "onfile-0");
    assert.deepEqual(
      [status.state, status.reason],
      ["Stalled", "LaunchFailed"],
      "nobody waits for what cannot be",
    );
  },
});
