import assert from "node:assert/strict";
import { type Whereabouts, whereIs } from "../../drivers/open_directory.ts";
import { createMountTable, openMounted } from "./mount_table.ts";

Deno.test("mount table finds directories that overlap", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-" }));
  try {
    await Deno.mkdir(`${dir}/a/below`, { recursive: true });
    await Deno.mkdir(`${dir}/ab`);
    await Deno.symlink("a", `${dir}/link`);
    const table = createMountTable();
    const where = await whereIs(`${dir}/a`);
    table.set("a", { path: "/staged/a", where });
    const overlapOf = (uid: string, where: Whereabouts) => {
      const reservation = table.reserve(uid, where);
      if ("overlaps" in reservation) return reservation.overlaps;
      reservation[Symbol.dispose]();
      return undefined;
    };
    const findAt = async (path: string) => overlapOf("b", await whereIs(path));
    for (const path of ["a", "a/below", "", "link"]) assert.equal(await findAt(`${dir}/${path}`), "a", path);
    assert.equal(await findAt(`${dir}/ab`), undefined);
    assert.equal(overlapOf("a", where), undefined);
    table.delete("a");
    assert.equal(await findAt(`${dir}/a`), undefined);
    const reservation = table.reserve("a", where);
    assert.ok(!("overlaps" in reservation));
    assert.equal(await findAt(`${dir}/a/below`), "a", "while a is being mounted");
    reservation[Symbol.dispose]();
    assert.equal(await findAt(`${dir}/a/below`), undefined);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("openMounted() opens the mounted directory, and neither a link nor another directory in its place", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-" }));
  try {
    await Deno.mkdir(`${dir}/v`);
    await Deno.mkdir(`${dir}/other`);
    const mounted = { path: `${dir}/v`, where: await whereIs(`${dir}/v`) };
    await (await openMounted(mounted)).close();
    await Deno.rename(`${dir}/v`, `${dir}/aside`);
    const refused = { code: "unavailable", message: /is no longer the directory that was mounted/ };
    await assert.rejects(openMounted(mounted), refused);
    await Deno.symlink("aside", `${dir}/v`);
    await assert.rejects(openMounted(mounted), refused);
    await Deno.remove(`${dir}/v`);
    await Deno.rename(`${dir}/other`, `${dir}/v`);
    await assert.rejects(openMounted(mounted), refused);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
