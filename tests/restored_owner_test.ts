/** Tests that a volume restored in another's place keeps its policies and its service. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

Deno.test({
  name:
    "volume restore keeps policies and owner under the original name, and elsewhere says what it does not keep",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const text = "volume: { name: own, size: 1Gi, accessMode: ReadWriteOnce, reclaimPolicy: delete, " +
      "snapshotPolicy: { every: 366d, keep: 3 } }\n---\n" + containerService(
        "db",
        "  volumes:\n    - name: data\n      mountPath: /data\n      claimTemplate: { size: 1Gi, accessMode: ReadWriteOnce, " +
          "reclaimPolicy: delete, snapshotPolicy: { every: 300d, keep: 2 } }\n",
      );
    const file = await host.file("db.yaml", text);
    await host.rune("cast", file);
    await host.rune("exec", "db", "--", "touch", "/data/mark");
    for (const name of ["own", "data-db-0"]) {
      await host.rune("snapshot", "create", name, "--name", `of-${name}`);
    }
    const aside = await host.run(["volume", "restore", "aside", "--from-snapshot", "of-own"]);
    assert.match(aside.stderr, /it keeps the snapshot policy: every 366d, keep 3/);
    assert.match(aside.stderr, /write claim: \{ name: aside \}/);
    const other = await host.run(["volume", "restore", "other", "--from-snapshot", "of-data-db-0"]);
    assert.match(other.stderr, /it is not one of service db, as default\/data-db-0 is: .*--cascade/);
    const { spec } = await host.get("volume", "aside");
    assert.deepEqual([spec.reclaimPolicy, spec.snapshotPolicy], ["delete", { every: "366d", keep: 3 }]);

    await host.rune("stop", "db");
    await until(
      "it is free",
      async () => (await host.get("volume", "data-db-0")).status.state === "Available",
    );
    await host.rune("volume", "delete", "data-db-0", "--yes");
    const again = await host.run(["volume", "restore", "data-db-0", "--from-snapshot", "of-data-db-0"]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /it belongs to service db again/);
    const { status } = await host.get("volume", "data-db-0");
    assert.equal(status.ownerService, "db");
    await host.rune("cast", file);
    assert.match(await host.rune("exec", "db", "--", "ls", "/data"), /mark/);
    const { snapshots } = (await host.get("volume", "data-db-0")).status;
    assert.deepEqual(snapshots.policy, { every: "300d", keep: 2 });
    await host.rune("service", "delete", "db", "--cascade", "--yes");
    await until("it went with its service", async () => {
      const names = (await host.get("volumes")).items.map((v: { name: string }) => v.name);
      return !names.includes("data-db-0") && names.includes("other");
    });
  },
});
