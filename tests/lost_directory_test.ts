/**
 * Tests the loss of the data directory while services run: after a restore nothing writes beside what an
 * earlier daemon started.
 * @module
 */
import assert from "node:assert/strict";
import { readProcess } from "../runners/process/proc.ts";
import { allowPath, hostVolume, processService } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

/** Locks the volume, reports if somebody else has it, and takes its time to end. */
const WRITER =
  `exec 9>/srv/shared/lock; flock -n 9 || echo "met another writer" >> /srv/shared/violations; ` +
  `trap 'sleep 4; exit 0' TERM; while :; do sleep 0.1; done`;

Deno.test({
  name:
    "after the loss of the data directory and a restore, a process that still runs is killed before its successor starts",
  ignore: noRoot,
  async fn() {
    const shared = await Deno.makeTempDir({ prefix: "rune-test-shared-" });
    let pid: number | undefined;
    try {
      await using host = await startHost({ runefile: allowPath(shared) });
      const text = hostVolume("shared", shared) + processService(
        "writer",
        "  volumes: [{ name: d, mountPath: /srv/shared, claim: { name: shared } }]\n",
        WRITER,
      );
      await host.rune("cast", await host.file("writer.yaml", text));
      const out = `${host.home}/b.tgz`;
      await host.rune("admin", "backup", "--out", out, "--with-kek");
      const findPid = async () => {
        const [instance] = (await host.get("instances")).items;
        // The leader of its session; its group must be killed if the test fails.
        return instance?.status.state === "Running" && Number(instance.status.handle.slice("pid:".length));
      };
      pid = await until("the writer runs", findPid);
      // A restart after the backup: the backup does not know the current run.
      await host.rune("restart", "writer");
      const before = pid;
      pid = await until("another process runs", async () => {
        const now = await findPid();
        return now !== before && now;
      });
      await host.daemon.stop("SIGKILL");
      await Deno.remove(host.dataDir, { recursive: true });
      const refused = await host.run(["admin", "restore", out, "--data-dir", host.dataDir]);
      assert.equal(refused.code, 5, refused.stderr);
      assert.match(
        refused.stderr,
        new RegExp(`still run: .*pid .*\\b${pid}\\b[^]*hint: .*--take-over`),
      );
      await host.rune("admin", "restore", out, "--data-dir", host.dataDir, "--take-over");
      assert.ok(readProcess(pid!), "the writer outlived its records");

      await host.restart();
      assert.equal(readProcess(pid!), undefined, "it is gone when the daemon is there");
      assert.match(await Deno.readTextFile(`${host.home}/daemon.log`), /without a record are ended/);
      assert.notEqual(await until("its successor runs", findPid), pid);
      assert.equal(await Deno.readTextFile(`${shared}/violations`).catch(() => ""), "");
      await host.rune("delete", "service", "writer", "--yes");
    } finally {
      try {
        if (pid !== undefined) Deno.kill(-pid, "SIGKILL");
      } catch {
        // It is gone, as it should be.
      }
      await Deno.remove(shared, { recursive: true });
    }
  },
});
