/** Tests volumes that an image declares and that no mount covers: their data outlives every run. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { capture } from "../scripts/command.ts";
import { buildTestImage } from "../runners/docker/test_image.ts";
import { type Host, startHost, until } from "./host.ts";
import { assertNothingLeaked } from "./leaks.ts";
import { noDocker, noRoot } from "./skips.ts";

const ignore = noDocker || noRoot;
const note = (path: string) =>
  JSON.stringify(["/bin/sh", "-c", `echo one run >> ${path}/log; cat ${path}/log; exec sleep 3600`]);

const castfile = (
  host: Host,
  { image, name = "inner", more = "", command = "" }: {
    image: string;
    name?: string;
    more?: string;
    command?: string;
  },
) =>
  host.file(
    `${name}.yaml`,
    `service:\n  name: ${name}\n  image: ${image}\n  imagePull: never\n  stopTimeout: 1s\n${command}${more}`,
  );

/** The lines that the newest run of an instance has written so far. */
async function linesOf(host: Host, service = "inner"): Promise<number> {
  const { stdout } = await host.run(["logs", service]);
  return stdout.split("\n").filter((line) => line.includes("one run")).length;
}
const sees = (host: Host, lines: number, service?: string) =>
  until(`the service sees ${lines} lines`, async () => await linesOf(host, service) === lines);

Deno.test({
  name:
    "a volume of the image below a mount keeps its data over restarts, updates, stops and crashes; cast says so",
  ignore,
  async fn() {
    await using one = await buildTestImage(["VOLUME /srv/db/data", `CMD ${note("/srv/db/data")}`]);
    await using two = await buildTestImage(["VOLUME /other", `CMD ${note("/srv/db/data")}`]);
    await using host = await startHost();
    const volume = await host.file(
      "db.yaml",
      "volume: { name: inner-db, size: 100Mi, accessMode: ReadWriteOnce }",
    );
    const more = "  volumes: [{ name: data, mountPath: /srv/db, claim: { name: inner-db } }]\n";
    const lint = async (image: string) => {
      const { code, stderr } = await host.run(["lint", "--images", await castfile(host, { image, more })]);
      assert.equal(code, 0, stderr);
      return stderr;
    };
    assert.match(
      await lint(one.name),
      /warning service default\/inner: its image declares \/srv\/db\/data as a volume/,
    );
    assert.match(await lint("nosuch/image:1"), /image nosuch\/image:1 is not on the daemon's host/);
    const said = await host.rune("cast", volume, await castfile(host, { image: one.name, more }));
    assert.match(
      said,
      /warning service default\/inner: its image declares \/srv\/db\/data as a volume, and no mount/,
    );
    assert.match(
      said,
      /add to volumes: \{ name: image-srv-db-data, mountPath: \/srv\/db\/data, claimTemplate: /,
    );
    await sees(host, 1);
    await host.rune("restart", "inner");
    await sees(host, 2);
    await host.rune("restart", "inner");
    await sees(host, 3);
    assert.match(
      await host.rune("describe", "inner"),
      /\/srv\/db\/data +volumes image-srv-db-data-inner-<n> \(declared/,
    );
    assert.match(
      await host.rune("events"),
      /ImageVolume .*\/srv\/db\/data as a volume.*image-srv-db-data-inner-0/,
    );

    await host.rune("stop", "inner");
    await host.rune("scale", "inner", "1");
    await sees(host, 4);
    const { status: { handle } } = await host.get("instance", "inner-0");
    await capture(["docker", "kill", handle]);
    await sees(host, 5);
    await host.daemon.stop("SIGKILL");
    await host.restart();
    await host.rune("cast", await castfile(host, { image: two.name, more }));
    await sees(host, 6);
    const mounts = (await host.get("instance", "inner-0")).status.image.volumes;
    assert.deepEqual(mounts.map((m: { mountPath: string }) => m.mountPath), ["/other", "/srv/db/data"]);

    await host.rune("delete", "inner", "--yes");
    await until(
      "the image's volumes are in the trash",
      async () => (await host.get("volumes")).items.length === 1,
    );
    await host.rune("volume", "undelete", "image-srv-db-data-inner-0");
    const back = await until(
      "it is back",
      async () => (await host.get("volume", "image-srv-db-data-inner-0")).status.handle as string,
    );
    assert.equal((await Deno.readTextFile(join(back, "log"))).trim().split("\n").length, 6);
    await host.rune("cast", await castfile(host, { image: two.name, more }));
    await assertNothingLeaked(host);
  },
});

Deno.test({
  name:
    "an uncovered volume of the image starts with the image's files and their owner, and one container writes it at a time",
  ignore,
  async fn() {
    const build = (mark: string) =>
      buildTestImage([
        "RUN mkdir -p /data/sub && echo from the image > /data/sub/file && chown -R 1000:1000 /data && chmod 0750 /data",
        "VOLUME /data",
        "USER app",
        `ENV MARK=${mark}`,
        `CMD ${note("/data")}`,
      ]);
    await using one = await build("one");
    await using two = await build("two");
    await using host = await startHost();
    await host.rune("cast", await castfile(host, { image: one.name, name: "plain" }));
    await sees(host, 1, "plain");
    const look = await host.rune(
      "exec",
      "plain",
      "--",
      "sh",
      "-c",
      "cat /data/sub/file; stat -c '%u %g %a' /data",
    );
    assert.equal(look, "from the image\n1000 1000 750\n");
    await host.rune("cast", await castfile(host, { image: two.name, name: "plain" }));
    await sees(host, 2, "plain");
    const { spec: { awaitsTurn } } = await host.get("instance", "plain-0");
    assert.equal(awaitsTurn, true, "it starts when its predecessor has stopped");
    // The template that cast suggests continues with the same data, and keeps it when the service goes.
    const more =
      "  volumes: [{ name: image-data, mountPath: /data, claimTemplate: { size: 1Gi, accessMode: ReadWriteOnce } }]\n";
    const said = await host.rune("cast", await castfile(host, { image: two.name, name: "plain", more }));
    assert.doesNotMatch(said, /warning/);
    await sees(host, 3, "plain");
    await host.rune("delete", "plain", "--yes");
    await until(
      "it is released",
      async () => (await host.get("volume", "image-data-plain-0")).status.state === "Released",
    );
    assert.equal((await host.get("volume", "image-data-plain-0")).spec.reclaimPolicy, "retain");
  },
});

Deno.test({
  name: "data that an earlier version of Rune left in an Engine volume moves to the next container",
  ignore,
  async fn() {
    await using plain = await buildTestImage([`CMD ${note("/data")}`]);
    await using declares = await buildTestImage(["VOLUME /data", `CMD ${note("/data")}`]);
    await using host = await startHost();
    await host.rune("cast", await castfile(host, { image: plain.name, name: "old" }));
    const { status: { handle } } = await host.get("instance", "old-0");
    await host.daemon.stop("SIGKILL");
    const [{ Name, Config: { Labels } }] = JSON.parse((await capture(["docker", "inspect", handle])).stdout);
    await capture(["docker", "rm", "-f", handle]);
    const labels = Object.entries(Labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
    await capture(["docker", "run", "-d", "--name", Name.slice(1), ...labels, declares.name]);
    await host.restart();
    const [{ name }] = await until(
      "the volume of the Engine's own is known",
      async () => (await host.get("instance", "old-0")).status.engineVolumes,
    );
    try {
      await host.rune("cast", await castfile(host, { image: declares.name, name: "old" }));
      await sees(host, 2, "old");
      assert.match(
        await host.rune("events"),
        /EngineVolume .*is copied to volume image-data-old-0; Rune leaves/,
      );
    } finally {
      await host.rune("delete", "old", "--yes");
      const removed = await capture(["docker", "volume", "rm", name]);
      assert.equal(removed.code, 0, "nothing but a person removes it");
    }
  },
});
