import assert from "node:assert/strict";
import { DO_VOLUME, mountRootOf } from "./entry.ts";

Deno.test("mountRootOf() follows links, and is not the directory where the node shows volumes", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-do-" }));
  try {
    await Deno.mkdir(`${directory}/real`);
    await Deno.symlink(`${directory}/real`, `${directory}/link`);
    const root = mountRootOf(`${directory}/link`);
    assert.equal(root, `${directory}/real/do-volumes`);
    assert.notEqual(root, `${directory}/real/mounts`, "the node's own link has this name");
    assert.equal(mountRootOf(`${directory}/gone`), `${directory}/gone/do-volumes`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
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
