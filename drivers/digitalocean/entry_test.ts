import assert from "node:assert/strict";
import { dirname } from "node:path";
import { createLoopBacking } from "../../tests/fakes/digitalocean/loops.ts";
import { noLoopDevices } from "../../tests/skips.ts";
import { DO_VOLUME, mountRootOf } from "./entry.ts";
import { createCloudWorld } from "./testing/cloud_world.ts";

Deno.test("mountRootOf() goes by the data directory, also through a link, and is not inside it", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-do-" }));
  try {
    await Deno.mkdir(`${directory}/real`);
    await Deno.symlink(`${directory}/real`, `${directory}/link`);
    const root = mountRootOf(`${directory}/link`);
    assert.equal(root, mountRootOf(`${directory}/real`));
    assert.match(root, /^\/run\/rune\/do-volumes\/[0-9a-f]{16}$/);
    assert.notEqual(root, mountRootOf(`${directory}/gone`), "two daemons never share a mount");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  name: "removing the data directory of a daemon that is gone keeps what its mounted volumes hold",
  ignore: noLoopDevices,
  async fn() {
    const dataDir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-do-" }));
    const loops = await createLoopBacking();
    try {
      await using world = await createCloudWorld({ loops });
      const settings = {
        doApiUrl: world.fake.url,
        doMetadataUrl: world.fake.metadataUrl,
        doDeviceDirectory: loops.links,
      };
      const create = () =>
        DO_VOLUME.create(settings, { dataDir, ownDirectories: [], grantedPaths: () => [] });
      const { driver } = create();
      const ctx = { ...world.context("data"), ...await driver.provision(world.context("data")) };
      await driver.attach(ctx);
      const { path } = await driver.mount(ctx);
      await Deno.writeTextFile(`${path}/file`, "kept");
      assert.equal((await Deno.stat(dirname(path))).mode! & 0o777, 0o700);

      await new Deno.Command("rm", { args: ["-rf", dataDir] }).output();
      await Deno.mkdir(dataDir);
      const fresh = create().driver;
      const later = { ...ctx, blank: false };
      assert.deepEqual([await fresh.mount(later), await Deno.readTextFile(`${path}/file`)], [
        { path },
        "kept",
      ]);
      await fresh.unmount(later);
      await fresh.detach(later);
    } finally {
      await Deno.remove(dataDir, { recursive: true });
      await Deno.remove(mountRootOf(dataDir), { recursive: true }).catch(() => {});
    }
  },
});

Deno.test("digitalOceanApi sends no token over a network without TLS", () => {
  const { digitalOceanApi } = DO_VOLUME.keys;
  for (
    const url of ["https://do.example.com", "http://127.0.0.1:8080/do", "http://localhost", "http://[::1]:1"]
  ) {
    assert.ok(digitalOceanApi.safeParse(url).success, url);
  }
  const refused = [
    "http://do.example.com",
    "http://127.0.0.1.example.com",
    "http://localhost@example.com",
    "ftp://x",
  ];
  for (const url of refused) assert.ok(!digitalOceanApi.safeParse(url).success, url);
});
