/** Restores whole backups, with nothing of the former daemon left. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { makeProvisionedVolume, makeSnapshot, makeVolume } from "../../reconcile/testing/resources.ts";
import { keep } from "../../reconcile/testing/memory_room.ts";
import { makeNodes } from "../../node/testing/partial_nodes.ts";
import { openStore } from "../../store/store.ts";
import { withServer } from "../api/server_fixture.ts";
import { makeBackup } from "../backup/backup.ts";
import { restoreBackup } from "./restore.ts";

for (const asCopy of [false, true]) {
  const what = asCopy ? "doubts nothing in a copy" : "doubts what the backup shows as not done";
  Deno.test(`restoreBackup() ${what}`, () =>
    withServer(async ({ store, deps }) => {
      await using stack = new AsyncDisposableStack();
      const scratch = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-restore-" }));
      stack.defer(() => Deno.remove(scratch, { recursive: true }));
      await keep(store, makeVolume({}, { name: "pending" }));
      await keep(store, makeProvisionedVolume({ name: "done" }));
      await keep(store, makeSnapshot());
      const { secrets, info } = deps;
      const source = { store, secrets, nodes: makeNodes({}), info, logger: getLogger("test") };
      const options = { withKek: false, volumes: [], snapshots: false };
      const file = join(scratch, "backup.tgz");
      await Deno.writeFile(file, await makeBackup(source, options, new AbortController().signal));
      const config = join(scratch, "rune.yaml");
      await Deno.writeTextFile(config, `docker: { socket: ${join(scratch, "none.sock")} }\n`);
      const dataDir = join(scratch, "restored");
      await restoreBackup({ file, config, dataDir, asCopy });

      const restored = await openStore({ dataDir });
      stack.defer(() => restored.close());
      const marked = restored.list("volume").filter(({ status }) => status.mayHoldData);
      assert.deepEqual(marked.map(({ name }) => name), asCopy ? [] : ["pending"]);
      const retaken = restored.list("snapshot").filter(({ status }) => status.retake);
      assert.equal(retaken.length, asCopy ? 0 : 1);
    }));
}
