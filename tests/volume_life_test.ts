/**
 * Tests volumes from the command line: create, resize, delete, undelete, what is kept, and what is reported.
 * @module
 */
import assert from "node:assert/strict";
import { openStore } from "../store/store.ts";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const volume = (name: string, more = "") =>
  `volume: { name: ${name}, size: 1Gi, accessMode: ReadWriteOnce${more} }\n`;
const directory = (host: Host, name: string) => `${host.dataDir}/volumes/default/${name}`;
const isGone = (path: string) => Deno.stat(path).then(() => false, () => true);

Deno.test({
  name: "volume create equals a castfile, volume list filters by state, and volume get shows disk usage",
  async fn() {
    await using host = await startHost();
    const made = await host.rune(
      ..."volume create a --size 5Gi --access ReadOnlyMany --reclaim-policy delete --label app=web".split(
        " ",
      ),
    );
    assert.equal(made, "volume default/a created (Available)\n");
    const { spec, labels } = await host.get("volume", "a");
    assert.deepEqual([spec, labels], [{
      storageClassName: "local",
      size: "5Gi",
      accessMode: "ReadOnlyMany",
      reclaimPolicy: "delete",
      parameters: {},
    }, { app: "web" }]);
    assert.equal((await host.run(["volume", "create", "a", "--size", "5Gi"])).code, 5, "it exists");
    assert.equal((await host.run(["volume", "create", "b"])).code, 2, "no size");

    const list = (status: string) =>
      host.rune("volume", "list", "--field-selector", `status=${status}`, "-o", "name");
    assert.deepEqual([await list("Available"), await list("Bound")], ["volume/a\n", ""]);

    await Deno.writeFile(`${directory(host, "a")}/data`, new Uint8Array(300 << 10).fill(1));
    assert.match(await host.rune("volume", "get", "a"), /^USED: 30\dKi$/m);
    assert.match(await host.rune("volume", "list", "-o", "wide"), /USED[^]*30\dKi/);
    assert.ok(!(await host.rune("volume", "list")).includes("USED"));
  },
});

Deno.test({
  name: "volume create accepts a snapshot policy or `none`, and refuses anything else",
  async fn() {
    await using host = await startHost();
    const withPolicy = (name: string, policy: string) =>
      host.run(["volume", "create", name, "--size", "1Gi", "--snapshot-policy", policy]);
    assert.equal((await withPolicy("hourly", "every=1h,keep=3")).code, 0);
    assert.deepEqual((await host.get("volume", "hourly")).spec.snapshotPolicy, { every: "1h", keep: 3 });
    assert.equal((await withPolicy("never", "none")).code, 0);
    assert.equal((await host.get("volume", "never")).spec.snapshotPolicy, "none");
    assert.equal((await withPolicy("b", "1h")).code, 2, "neither every nor keep");
    const refused = await withPolicy("b", "every=1h,kep=3");
    assert.deepEqual([refused.code, /did you mean "keep"/.test(refused.stderr)], [6, true], refused.stderr);
  },
});

Deno.test({
  name: "a volume grows by resize and by a cast, and never shrinks; class and access mode never change",
  async fn() {
    await using host = await startHost();
    const cast = async (more: string) =>
      await host.run(["cast", await host.file("v.yaml", volume("v", more))]);
    assert.equal((await cast("")).code, 0);
    assert.equal(await host.rune("volume", "resize", "v", "2Gi"), "volume default/v has 2Gi (Available)\n");
    assert.equal((await host.get("volume", "v")).status.sizeBytes, 2 * 2 ** 30);
    const refusals: [string, RegExp][] = [
      ["", /size: cannot shrink from 2Gi to 1Gi/],
      [
        ", size: 3Gi, storageClassName: local-host",
        /storageClassName: cannot change from local to local-host/,
      ],
      [", parameters: { a: b }", /parameters.a: the driver local has no parameter "a"/],
    ];
    for (const [more, message] of refusals) {
      const { code, stderr } = await cast(more.replace(", size: 3Gi", ""));
      assert.equal(code, 6, stderr);
      assert.match(stderr, message);
    }
    const other = volume("v").replace("ReadWriteOnce", "ReadOnlyMany");
    const mode = await host.run(["cast", await host.file("mode.yaml", other)]);
    assert.match(mode.stderr, /accessMode: cannot change from ReadWriteOnce to ReadOnlyMany/);
    assert.equal((await host.run(["volume", "resize", "v", "1Gi"])).code, 6);
    assert.match((await host.run(["volume", "resize", "v", "2Gx"])).stderr, /write bytes with a suffix/);
    await host.rune("cast", await host.file("grown.yaml", volume("v").replace("1Gi", "3Gi")));
    assert.equal((await host.get("volume", "v")).status.sizeBytes, 3 * 2 ** 30);
  },
});

Deno.test({
  name:
    "delete moves data to the trash, and undelete restores it with its resource, even without the class and after a crash",
  async fn() {
    await using host = await startHost();
    const fast = "storageClass: { name: fast, driver: local, reclaimPolicy: delete }\n---\n";
    const castfile = fast + volume("v", ", storageClassName: fast, labels: { app: web }");
    await host.rune("cast", await host.file("v.yaml", castfile));
    await Deno.writeTextFile(`${directory(host, "v")}/data`, "kept");
    const before = await host.get("volume", "v");

    const { stdout, stderr } = await host.run(["volume", "delete", "v", "--yes"]);
    assert.match(stdout, /volume default\/v deleted; its data is in the trash$/m);
    assert.match(stderr, /to restore it before 20.*: rune volume undelete v -n default/);
    assert.ok(await isGone(directory(host, "v")));
    assert.match(
      await host.rune("volume", "undelete"),
      /NAME +CLASS +SIZE +DELETED +PURGED +ID\nv +fast +1Gi/,
    );

    await host.rune("storageclass", "delete", "fast", "--yes");
    await host.rune("volume", "undelete", "v", "--no-wait");
    await host.daemon.stop("SIGKILL");
    await host.restart();
    const after = await until("it is there", async () => {
      const found = await host.get("volume", "v");
      return found.status.state === "Available" && found;
    });
    assert.deepEqual([after.spec, after.labels], [before.spec, before.labels]);
    assert.notEqual(after.uid, before.uid);
    assert.equal(await Deno.readTextFile(`${directory(host, "v")}/data`), "kept");
    assert.equal((await host.run(["volume", "undelete", "v"])).code, 4, "the trash is empty again");

    // A deleted class does not block deletion either.
    await host.rune("volume", "delete", "v", "--yes");
    assert.ok(await isGone(directory(host, "v")));
    await host.rune("volume", "create", "v", "--size", "1Gi");
    const taken = await host.run(["volume", "undelete", "v"]);
    assert.deepEqual([taken.code, /exists again/.test(taken.stderr)], [5, true]);
  },
});

Deno.test({
  name: "undelete never starts over with an empty directory: it reports purged data, and anything in the way",
  async fn() {
    await using host = await startHost();
    await host.rune("volume", "create", "v", "--size", "1Gi", "--reclaim-policy", "delete");
    await host.rune("volume", "delete", "v", "--yes");
    await Deno.mkdir(directory(host, "v"));
    await Deno.writeTextFile(`${directory(host, "v")}/other`, "in the way");
    const blocked = await host.run(["volume", "undelete", "v"]);
    assert.equal(blocked.code, 1);
    assert.match(blocked.stderr, /Stalled: .* already holds data \(move it away/);
    await Deno.remove(directory(host, "v"), { recursive: true });
    await Deno.remove(`${host.dataDir}/volumes/.trash`, { recursive: true });
    const purged = await host.run(["volume", "retry-provision", "v"]);
    assert.match(purged.stderr, /the trash has no volume .* \(its data was purged/);
    assert.ok(await isGone(directory(host, "v")));
  },
});

Deno.test({
  name:
    "--now goes past the trash and only where the policy is delete; a retention of 0 and preserveOnDelete are heard",
  async fn() {
    const create = (host: Host, policy: string) =>
      host.rune("volume", "create", "v", "--size", "1Gi", "--reclaim-policy", policy);
    {
      await using host = await startHost();
      await create(host, "retain");
      const refused = await host.run(["volume", "delete", "v", "--now", "--yes"]);
      assert.match(refused.stderr, /reclaim policy retain, so its data is never destroyed/);
      await host.rune("cast", await host.file("v.yaml", volume("v", ", reclaimPolicy: delete")));
      await Deno.writeTextFile(`${directory(host, "v")}/data`, "goes");
      await host.rune("volume", "delete", "v", "--now", "--yes");
      assert.ok(await isGone(directory(host, "v")));
      assert.deepEqual(JSON.parse(await host.rune("volume", "undelete", "-o", "json")).items, []);
    }
    {
      await using host = await startHost({ runefile: "storage: { trashRetention: 0s }\n" });
      await create(host, "delete");
      await host.rune("volume", "delete", "v", "--yes");
      assert.ok(await isGone(directory(host, "v")));
      assert.equal((await host.run(["volume", "undelete", "v"])).code, 4);
    }
    await using host = await startHost({ runefile: "storage: { preserveOnDelete: true }\n" });
    await create(host, "delete");
    await Deno.writeTextFile(`${directory(host, "v")}/data`, "kept");
    await host.rune("volume", "delete", "v", "--now", "--yes");
    assert.equal(await Deno.readTextFile(`${directory(host, "v")}/data`), "kept");
  },
});

Deno.test({
  name: "a directory with data is adopted unchanged, which the cast's output and an event report",
  async fn() {
    await using host = await startHost();
    await Deno.mkdir(directory(host, "v"), { recursive: true });
    await Deno.writeTextFile(`${directory(host, "v")}/data`, "was here");
    const said = await host.rune("cast", await host.file("v.yaml", volume("v")));
    assert.match(said, /volume default\/v created \(Available, keeps the data found in .*\/default\/v\)/);
    assert.equal((await host.get("volume", "v")).status.adopted, true);
    const events = (await host.get("events")).items as { spec: { reason: string; message: string } }[];
    assert.match(events.find((e) => e.spec.reason === "Adopted")!.spec.message, /kept the data that was at/);
    assert.equal(await Deno.readTextFile(`${directory(host, "v")}/data`), "was here");
  },
});

Deno.test({
  name: "a claim template also adopts existing data and says so; a larger size grows its volumes",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    await Deno.mkdir(directory(host, "d-web-0"), { recursive: true });
    await Deno.writeTextFile(`${directory(host, "d-web-0")}/data`, "was here");
    const service = (size: string) =>
      containerService(
        "web",
        `  volumes:\n    - { name: d, mountPath: /data, claimTemplate: { size: ${size}, accessMode: ReadWriteOnce } }\n`,
      );
    const said = await host.rune("cast", await host.file("a.yaml", service("1Gi")));
    assert.match(said, /^volume default\/d-web-0 keeps the data found in .*\/default\/d-web-0$/m);
    assert.equal(await host.rune("exec", "web", "--", "cat", "/data/data"), "was here");
    await host.rune("cast", await host.file("b.yaml", service("2Gi")));
    await until("it has grown", async () => {
      const { spec, status } = await host.get("volume", "d-web-0");
      return spec.size === "2Gi" && status.sizeBytes === 2 * 2 ** 30;
    });
  },
});

Deno.test({
  name:
    "exactly one class is the default; a class in use is deleted only with --cascade, which keeps the volumes",
  async fn() {
    await using host = await startHost();
    const defaults = async () =>
      (await host.get("storageclasses")).items
        .filter((c: { spec: { default: boolean } }) => c.spec.default).map((c: { name: string }) => c.name);
    const file = await host.file("fast.yaml", "storageClass: { name: fast, driver: local }\n");
    assert.equal(await host.rune("storageclass", "create", "-f", file), "storageClass fast created\n");
    assert.equal((await host.run(["storageclass", "create", "-f", file])).code, 5);
    assert.deepEqual(await defaults(), ["local"]);
    await host.rune("storageclass", "set-default", "fast");
    assert.deepEqual(await defaults(), ["fast"]);
    const refused = await host.run(["storageclass", "delete", "fast", "--yes"]);
    assert.match(refused.stderr, /fast is the default class\n.*set-default <name>/);
    await host.rune("volume", "create", "v", "--size", "1Gi");
    assert.equal((await host.get("volume", "v")).spec.storageClassName, "fast");
    await host.rune("storageclass", "set-default", "local");
    const used = await host.run(["storageclass", "delete", "fast", "--yes"]);
    assert.match(used.stderr, /fast is used by 1 volume: default\/v/);
    await host.rune("storageclass", "delete", "fast", "--cascade", "--yes");
    assert.equal((await host.get("volume", "v")).status.state, "Available");
    await host.rune("volume", "delete", "v", "--yes");
  },
});

Deno.test({
  name: "allowedTopologies match the node's labels and its name; if none does, the volume waits and says so",
  async fn() {
    await using host = await startHost({
      runefile: "node: { name: n1, labels: { zone: a, rune.io/region: nyc3 } }\n",
    });
    const cases: [name: string, topologies: string, placed: boolean][] = [
      ["region", "[{ matchLabels: { rune.io/region: nyc3 } }]", true],
      ["host", "[{ matchLabels: { rune.io/hostname: n1 } }]", true],
      ["in", "[{ matchExpressions: [{ key: zone, operator: In, values: [a, b] }] }]", true],
      ["not-in", "[{ matchExpressions: [{ key: zone, operator: NotIn, values: [a] }] }]", false],
      ["exists", "[{ matchExpressions: [{ key: gpu, operator: Exists }] }]", false],
      ["not-there", "[{ matchExpressions: [{ key: gpu, operator: DoesNotExist }] }]", true],
      ["either", "[{ matchLabels: { zone: b } }, { matchLabels: { zone: a } }]", true],
      ["both", "[{ matchLabels: { zone: a, rune.io/region: fra1 } }]", false],
    ];
    const text = cases.map(([name, topologies]) =>
      `storageClass: { name: ${name}, driver: local, allowedTopologies: ${topologies} }\n---\n` +
      volume(name, `, storageClassName: ${name}`)
    ).join("---\n");
    await host.rune("cast", "--no-wait", await host.file("all.yaml", text));
    for (const [name, , placed] of cases) {
      const { status } = await until(`${name} is decided`, async () => {
        const found = await host.get("volume", name);
        return (found.status.state === "Available" || found.status.failureMessage) && found;
      });
      assert.equal(status.state, placed ? "Available" : "Pending", name);
      if (!placed) {
        assert.equal(status.failureMessage, `no node matches the allowedTopologies of storage class ${name}`);
        assert.match(status.failureHint, /node.labels.*"zone":"a"/);
      }
    }
  },
});

Deno.test({
  name: "a volume bound to a missing instance is released once every runner confirms that it is gone",
  ignore: noRoot,
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "rune-test-sock-" });
    const socket = `${dir}/docker.sock`;
    try {
      await using host = await startHost({ runefile: `docker: { socket: ${socket} }\n` });
      await host.rune("volume", "create", "v", "--size", "1Gi");
      await host.daemon.stop("SIGKILL");
      await forgeHolder(host.dataDir, "v");
      await host.restart();
      await until("it is Bound", async () => (await host.get("volume", "v")).status.state === "Bound");
      const unproven = await host.run(["volume", "detach", "v", "--timeout", "1s"]);
      assert.equal(unproven.code, 7, "an Engine that cannot be asked proves nothing");
      assert.match(
        unproven.stderr,
        /still Bound to default\/ghost-0: not every runner has confirmed that it is gone/,
      );
      await Deno.symlink("/var/run/docker.sock", socket);
      assert.match(await host.rune("volume", "detach", "v"), /bound to nobody \(Available\)/);
      const events = (await host.get("events")).items as { spec: { reason: string } }[];
      assert.ok(events.some((e) => e.spec.reason === "StaleHolder"));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

/** Leaves a lease whose instance no longer exists, as a restored backup may have. */
async function forgeHolder(dataDir: string, name: string): Promise<void> {
  const store = await openStore({ dataDir });
  await store.transact((tx) =>
    tx.create({
      kind: "lease",
      namespace: "default",
      name,
      spec: {
        holders: [{
          instanceUid: crypto.randomUUID(),
          namespace: "default",
          instance: "ghost-0",
          mode: "rw",
          since: tx.now,
        }],
      },
      status: {},
    })
  );
  await store.close();
}

Deno.test({
  name: "no two volumes share a directory: refused at cast by path, and at the mount by identity",
  ignore: noRoot,
  async fn() {
    const shared = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-host-" }));
    const alias = `${shared}-alias`;
    try {
      for (const name of ["a", "a/inner", "b"]) await Deno.mkdir(`${shared}/${name}`);
      await Deno.symlink(`${shared}/a`, `${shared}/link`);
      // The operator's own directory may be reached through a link.
      await Deno.symlink(shared, alias);
      await using host = await startHost({
        runefile: `storage: { hostPathAllowlist: ["${shared}", "${alias}"] }\n`,
      });
      const hostVolume = (name: string, path: string, root = shared) =>
        volume(name, `, storageClassName: local-host, parameters: { hostPath: ${root}/${path} }`);
      const cast = async (text: string) => await host.run(["cast", await host.file("c.yaml", text)]);
      assert.equal((await cast(hostVolume("a", "a"))).code, 0);
      for (const [path, message] of [["a", /is the directory of/], ["a/inner", /lies inside/]] as const) {
        const { code, stderr } = await cast(hostVolume("other", path));
        assert.equal(code, 6);
        assert.match(stderr, message);
      }
      const both = await cast(`${hostVolume("x", "b")}---\n${hostVolume("y", "b")}`);
      assert.match(both.stderr, /is the directory of volume default\/x: expected a directory of its own/);

      const linked = await cast(hostVolume("linked", "link"));
      assert.match(linked.stderr, new RegExp(`goes through the symbolic link ${shared}/link`));
      assert.equal((await cast(hostVolume("again", "a", alias))).code, 0, "names alone are looked at here");
      const claim = (name: string) =>
        `  volumes:\n    - { name: d, mountPath: /data, claim: { name: ${name} } }\n`;
      assert.equal((await cast(processService("first", claim("a")))).code, 0);
      await host.rune(
        "cast",
        "--no-wait",
        await host.file("second.yaml", processService("second", claim("again"))),
      );
      const { message } = await until("the second says why it waits", async () => {
        const { status } = await host.get("service", "second");
        return status.reason === "VolumeNotReady" && status;
      });
      assert.match(message, /its directory .*\/a is also that of volume default\/a, which is mounted/);
    } finally {
      await Deno.remove(alias);
      await Deno.remove(shared, { recursive: true });
    }
  },
});
