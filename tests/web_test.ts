/**
 * The first promise: one cast starts a container on a volume, and the data outlives the container.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { fixture } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

/** The container in which an instance runs. */
async function containerOf(host: Host, instance: string, namespace = "default"): Promise<string> {
  return (await host.get("instance", instance, "-n", namespace)).status.handle;
}

Deno.test({
  name:
    "cast web.yaml: a Bound volume, data that survives a restart, `unchanged` the second time, replaced when env changes",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const castfile = await fixture(host, "web.yaml");

    const cast = await host.run(["cast", castfile]);
    assert.equal(cast.code, 0, cast.stderr);
    assert.match(cast.stdout + cast.stderr, /web/);
    assert.equal((await host.get("service", "web")).status.state, "Running");
    const { status } = await host.get("volume", "web-data");
    const dir = `${host.dataDir}/volumes/default/web-data`;
    assert.deepEqual([status.state, status.handle, status.boundClaim], ["Bound", dir, "default/web-0"]);
    assert.equal(status.boundNode, Deno.hostname());
    const shown = await host.rune("volume", "get", "web-data");
    for (
      const line of ["STATUS: Bound", "CLAIM: default/web-0", `NODE: ${Deno.hostname()}`, `HANDLE: ${dir}`]
    ) {
      assert.ok(shown.split("\n").includes(line), `${line} in\n${shown}`);
    }

    await host.rune("exec", "web", "--", "sh", "-c", "echo kept > /var/lib/web/f");
    const before = await containerOf(host, "web-0");
    await host.rune("restart", "web");
    assert.notEqual(await containerOf(host, "web-0"), before);
    assert.equal(await host.rune("exec", "web", "--", "cat", "/var/lib/web/f"), "kept\n");
    assert.equal(await Deno.readTextFile(`${dir}/f`), "kept\n");

    const restarted = await containerOf(host, "web-0");
    const again = await host.rune("cast", castfile);
    assert.match(again, /volume default\/web-data unchanged/);
    assert.match(again, /service default\/web unchanged/);
    assert.equal(await containerOf(host, "web-0"), restarted);

    const text = await Deno.readTextFile(castfile);
    const changed = await host.file("changed.yaml", text.replace("scale: 1", "scale: 1\n  env: { V: two }"));
    assert.match(await host.rune("cast", changed), /service default\/web configured/);
    assert.equal((await host.get("service", "web")).generation, 2);
    assert.notEqual(await containerOf(host, "web-0"), restarted);
    assert.equal(await host.rune("exec", "web", "--", "sh", "-c", "echo $V"), "two\n");
    assert.equal(await host.rune("exec", "web", "--", "cat", "/var/lib/web/f"), "kept\n");

    await host.rune("service", "delete", "web", "--yes");
    assert.equal((await host.get("volume", "web-data")).status.state, "Released");
    assert.equal(await Deno.readTextFile(`${dir}/f`), "kept\n");
    await host.rune("cast", castfile);
    assert.equal((await host.get("volume", "web-data")).status.state, "Bound");
  },
});

Deno.test({
  name:
    "cast postgres.yaml: a volume per ordinal, which comes back with its own data after scaling down and up",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const castfile = await fixture(host, "postgres.yaml");
    await host.rune("cast", castfile);
    const ordinals = [0, 1, 2];
    const states = async () =>
      (await host.get("volumes", "-n", "prod")).items.map((
        v: { name: string; status: { state: string; boundClaim?: string } },
      ) => `${v.name} ${v.status.state} ${v.status.boundClaim ?? "-"}`);
    assert.deepEqual(await states(), ordinals.map((n) => `pgdata-postgres-${n} Bound prod/postgres-${n}`));
    const file = "/var/lib/postgresql/data/id";
    for (const n of ordinals) {
      await host.rune("exec", `postgres-${n}`, "-n", "prod", "--", "sh", "-c", `echo ${n} > ${file}`);
    }
    const kept = await containerOf(host, "postgres-0", "prod");

    await host.rune("scale", "postgres", "1", "-n", "prod");
    await until("ordinals 1 and 2 let go of their volumes", async () =>
      (await states()).join() ===
        "pgdata-postgres-0 Bound prod/postgres-0,pgdata-postgres-1 Available -,pgdata-postgres-2 Available -");
    await host.rune("scale", "postgres", "3", "-n", "prod");
    for (const n of ordinals) {
      assert.equal(await host.rune("exec", `postgres-${n}`, "-n", "prod", "--", "cat", file), `${n}\n`);
    }
    assert.equal(await containerOf(host, "postgres-0", "prod"), kept, "a new scale alone restarts nothing");

    await host.rune("service", "delete", "postgres", "-n", "prod", "--yes");
    await until(
      "they are released, and still there",
      async () => (await states()).join() === ordinals.map((n) => `pgdata-postgres-${n} Released -`).join(),
    );
    await host.rune("cast", castfile);
    assert.equal(await host.rune("exec", "postgres-2", "-n", "prod", "--", "cat", file), "2\n");
    await host.rune("service", "delete", "postgres", "-n", "prod", "--cascade", "--yes");
    await until("the volumes are gone", async () => (await states()).length === 0);
    const kept2 = await Deno.readTextFile(`${host.dataDir}/volumes/prod/pgdata-postgres-2/id`);
    assert.equal(kept2, "2\n", "the policy of the class is retain: the row goes, the data stays");
  },
});

Deno.test({
  name: "service delete --cascade removes the data of volumes whose policy is delete",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost({ runefile: "storage: { trashRetention: 0s }\n" });
    const castfile = await fixture(host, "postgres.yaml");
    const text = (await Deno.readTextFile(castfile)).replace("scale: 3", "scale: 1")
      .replace("size: 10Gi", "size: 10Gi\n        reclaimPolicy: delete");
    await host.rune("cast", await host.file("delete.yaml", text));
    const dir = `${host.dataDir}/volumes/prod/pgdata-postgres-0`;
    assert.ok((await Deno.stat(dir)).isDirectory);
    await host.rune("service", "delete", "postgres", "-n", "prod", "--cascade", "--yes");
    await until("the directory is gone", () => Deno.stat(dir).then(() => false, () => true));
  },
});
