import assert from "node:assert/strict";
import type { KekSource } from "../../store/secrets/kek.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { keep, withMemoryRoom } from "../../reconcile/testing/memory_room.ts";
import { makeService, makeVolume } from "../../reconcile/testing/resources.ts";
import { makeCopy, requireOwnPlaces } from "./copy_of.ts";
import { manifestFile, packBackup, readManifest } from "../backup/format.ts";

Deno.test("requireOwnPlaces() refuses everything that two daemons would share", async () => {
  const home = await Deno.makeTempDir({ prefix: "rune-copy-" });
  const dataDir = `${home}/data`;
  const assertRefused = async (
    message: RegExp | undefined,
    { root = `${dataDir}/volumes`, kek = `${dataDir}/kek` }: { root?: string; kek?: string },
  ) => {
    const source: KekSource = { from: "file", path: kek };
    const settings = { dataDir, storage: { localVolumeRoot: root }, crypto: { kek: source } };
    const checked = requireOwnPlaces(settings as Parameters<typeof requireOwnPlaces>[0]);
    await (message ? assert.rejects(checked, message) : checked);
  };
  try {
    await Deno.mkdir(dataDir);
    for (const name of ["lock", "kek"]) await Deno.writeTextFile(`${dataDir}/${name}`, "");
    await assertRefused(undefined, {});
    await assertRefused(undefined, { root: `${home}/none`, kek: `${home}/none.kek` });
    await Deno.mkdir(`${home}/volumes/default`, { recursive: true });
    await assertRefused(/the volume root .* already holds volumes/, { root: `${home}/volumes` });
    await Deno.writeTextFile(`${home}/kek`, "");
    await assertRefused(/the key file .* already exists/, { kek: `${home}/kek` });
    await Deno.mkdir(`${dataDir}/processes`);
    await assertRefused(/data holds processes of a daemon; a copy needs its own directory/, {});
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("readManifest() refuses an id that would escape the directories in which ids name files", async () => {
  const manifest = { version: "1", createdAt: "", node: "n", revision: 1, kek: false, volumes: [] };
  for (const daemonId of ["..", "a/b", "", "x".repeat(65), "a.b"]) {
    const files = (async function* () {
      yield manifestFile({ ...manifest, daemonId });
    })();
    await assert.rejects(() => readManifest(packBackup(files)), /its manifest is not complete/, daemonId);
  }
});

Deno.test("makeCopy() leaves no right to data that a castfile names, for volumes and for claim templates", () =>
  withMemoryRoom(async ({ store }) => {
    const annotations = { [ANNOTATIONS.namedData]: "what was judged", "rune.io/other": "stays" };
    const parameters = { volumeId: "506f78a4-e098-11e5-ad9f-000f53306ae1" };
    await keep(store, { ...makeVolume({ parameters }), annotations });
    await keep(store, { ...makeService({ scale: 0 }), annotations });
    const manifest = {
      format: 1,
      version: "1",
      daemonId: "d1",
      createdAt: "",
      node: "n",
      revision: 1,
      kek: false,
    };
    await makeCopy(store, { manifest: { ...manifest, volumes: [] }, node: { name: "n2" } });
    for (const { annotations: left } of [...store.list("volume"), ...store.list("service")]) {
      assert.deepEqual(left, { "rune.io/other": "stays" });
    }
    assert.equal(store.get("volume", "default", "data")!.status.state, "Pending");
  }));
