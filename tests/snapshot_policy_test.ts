/**
 * Tests snapshot policies with the real program. The API requires at least a minute between two snapshots, so
 * these tests write older times and shorter intervals into the state of a stopped daemon.
 * @module
 */
import { sleep } from "../base/delay.ts";
import assert from "node:assert/strict";
import { ANNOTATIONS } from "../model/marks.ts";
import { makeInitialState } from "../server/admission/initial_state.ts";
import { openStore, type Tx } from "../store/store.ts";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { makeLoopFilesystem } from "../scripts/loop_filesystem.ts";
import { containerService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noLoopDevices, noRoot } from "./skips.ts";

const HOUR = 3_600_000;
const SEED = Number(Deno.env.get("RUNE_SEED") ?? Math.floor(Math.random() * 1e9));

// deno-lint-ignore no-explicit-any
type Any = any;

async function items(host: Host, plural: string): Promise<Any[]> {
  return (await (await fetch(`${host.daemon.url}/v1/namespaces/default/${plural}`)).json()).items;
}

/** The snapshots of policies, oldest first. */
async function listPolicySnapshots(host: Host, volume?: string): Promise<Any[]> {
  const number = (s: Any) => Number(s.annotations[ANNOTATIONS.policyNumber]);
  return (await items(host, "snapshots"))
    .filter((s) => ANNOTATIONS.policyVolume in s.annotations)
    .filter((s) => volume === undefined || s.spec.source.volume === volume)
    .sort((a, b) => number(a) - number(b));
}

const volumeOf = async (host: Host, name: string): Promise<Any> =>
  (await items(host, "volumes")).find((v) => v.name === name);

/** Changes the state of a stopped daemon as if some hours had passed. */
async function edit(dataDir: string, hoursAgo: number, change: (tx: Tx) => void): Promise<void> {
  const store = await openStore({ dataDir, clock: () => new Date(Date.now() - hoursAgo * HOUR) });
  try {
    await store.transact(change);
  } finally {
    await store.close();
  }
}

/** A volume as a cast would store it. */
function addVolume(tx: Tx, name: string, more: object = {}): void {
  const spec = {
    storageClassName: "local",
    size: "1Gi",
    accessMode: "ReadWriteOnce" as const,
    reclaimPolicy: "retain" as const,
    parameters: {},
    ...more,
  };
  tx.create({ kind: "volume", namespace: "default", name, spec, ...makeInitialState("volume", spec) });
}

/** The policy of a volume, including values that no cast could write. */
const setPolicy = (every: string, keep: number) => (tx: Tx) => {
  const volume = tx.get("volume", "default", "v")!;
  tx.update(volume, { spec: { ...volume.spec, snapshotPolicy: { every, keep } } });
};

/** A host with the empty volume `v`, whose policy is stored but not yet processed. */
async function withPolicy(host: Host): Promise<string> {
  await host.daemon.stop();
  await edit(host.dataDir, 2, (tx) => addVolume(tx, "v", { snapshotPolicy: { every: "1h", keep: 2 } }));
  const data = `${host.dataDir}/volumes/default/v`;
  await Deno.mkdir(data, { recursive: true });
  return data;
}

/** What is on disk: a directory for each copy, named after its snapshot's uid. */
async function copies(host: Host): Promise<string[]> {
  const directory = `${host.dataDir}/volumes/.snapshots/default`;
  return (await Array.fromAsync(Deno.readDir(directory))).map((entry) => entry.name).sort();
}

Deno.test({
  name:
    "a policy takes a snapshot when it is due, keeps the newest of its own, and can be shown, changed and removed",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const data = await withPolicy(host);
    await Deno.writeTextFile(`${data}/file`, "first");
    await host.restart();

    const first = await until(
      "one is Ready",
      async () => (await listPolicySnapshots(host)).find((s) => s.status.state === "Ready"),
    );
    assert.match(first.name, /^v-auto-\d+$/);
    await Deno.writeTextFile(`${data}/file`, "second");
    await host.rune("volume", "restore", "r", "--from-snapshot", first.name);
    assert.equal(await Deno.readTextFile(`${host.dataDir}/volumes/default/r/file`), "first");
    const { snapshots } = (await until("it is told", async () => {
      const volume = await volumeOf(host, "v");
      return volume.status.snapshots?.nextAt && volume;
    })).status;
    assert.deepEqual(snapshots.last, { name: first.name, at: first.createdAt });
    assert.equal(Date.parse(snapshots.nextAt), Date.parse(first.createdAt) + HOUR);
    assert.match(
      await host.rune("volume", "get", "v"),
      /^SNAPSHOTS: every 1h, keep 2\nLAST SNAPSHOT: \S+ ago\nNEXT SNAPSHOT: in 5\dm/m,
    );
    assert.match(await host.rune("describe", "volume", "v"), new RegExp(`Last snapshot: +${first.name}, `));
    assert.match(await host.rune("volume", "list"), /^NAME +CLASS +STATUS +SIZE +ACCESS +AGE\n/);

    // The policy must not remove a snapshot that somebody requested.
    await host.rune("snapshot", "create", "v", "--name", "mine");
    assert.match(
      await host.rune("snapshot", "list", "-o", "wide"),
      /^mine .* request .*\n(.*\n)*v-auto-\d+ .* policy /m,
    );
    await host.daemon.stop();
    await edit(host.dataDir, 0, setPolicy("2s", 2));
    await host.restart();
    await until("the first two are gone", async () => {
      const [oldest] = await listPolicySnapshots(host, "v");
      return Number(oldest?.annotations[ANNOTATIONS.policyNumber]) > 2;
    });
    const taken = await listPolicySnapshots(host, "v");
    const apart = taken.slice(1).map((s, i) => Date.parse(s.createdAt) - Date.parse(taken[i].createdAt));
    assert.ok(apart.every((ms) => ms >= 2000), `${apart} ms apart`);
    assert.ok((await items(host, "snapshots")).some((s) => s.name === "mine" && s.status.state === "Ready"));
    const events = (await items(host, "events")).map((e) => `${e.spec.object.name} ${e.spec.reason}`);
    assert.ok(events.includes("v SnapshotRemoved"), `${events}`);

    const volume = "volume:\n  name: v\n  size: 1Gi\n  accessMode: ReadWriteOnce\n";
    const refused = await host.run([
      "cast",
      await host.file("s.yaml", `${volume}  snapshotPolicy: { every: 2s, keep: 2 }\n`),
    ]);
    assert.equal(refused.code, 6);
    assert.match(refused.stderr, /s\.yaml:5:28: snapshotPolicy\.every: expected at least 1m, found 2s/);
    await host.rune("cast", await host.file("v.yaml", volume));
    const left = await until("nothing is under way", async () => {
      const all = await items(host, "snapshots");
      const settled = all.every((s) => s.status.state === "Ready" && s.deletionRequestedAt === undefined);
      return settled && (await volumeOf(host, "v")).status.snapshots === undefined &&
        all;
    });
    // The restored volume has the policy of the original, and its own snapshots.
    const own = left.filter((s) => s.spec.source.volume === "v").map((s) => s.name);
    assert.equal(own.length, 3, `two of the policy's and one's own: ${own}`);
    assert.deepEqual(await copies(host), left.map((s) => s.uid).sort(), "and no more copies than that");
  },
});

Deno.test({
  name: "while snapshots fail the last good one stays and the volume says why, until the next success",
  ignore: noLoopDevices,
  async fn() {
    await using disk = await makeLoopFilesystem("ext4", 24);
    const root = `${disk.path}/volumes`;
    await using host = await startHost({ runefile: `storage: { localVolumeRoot: ${root} }` });
    await host.daemon.stop();
    await edit(host.dataDir, 2, (tx) => addVolume(tx, "v", { snapshotPolicy: { every: "1h", keep: 1 } }));
    await Deno.mkdir(`${root}/default/v`, { recursive: true });
    await Deno.writeFile(`${root}/default/v/data`, crypto.getRandomValues(new Uint8Array(65_536)));
    await host.restart();
    const good = await until(
      "one is Ready",
      async () => (await listPolicySnapshots(host)).find((s) => s.status.state === "Ready"),
    );
    await host.daemon.stop();
    for (let i = 0; i < 64; i++) {
      await Deno.writeFile(`${root}/default/v/data${i}`, crypto.getRandomValues(new Uint8Array(65_536)));
    }
    await Deno.writeFile(`${disk.path}/ballast`, new Uint8Array(14 * 2 ** 20));
    await edit(host.dataDir, 0, setPolicy("1s", 1));
    await host.restart();
    const event = await until(
      "the volume says why",
      async () =>
        (await items(host, "events")).find((e) =>
          e.spec.object.kind === "volume" && e.spec.reason === "SnapshotFailed"
        ),
    );
    assert.match(event.spec.message, /No space left on device/);
    assert.match(await host.rune("describe", "volume", "v"), /SnapshotFailed/);
    const during = await listPolicySnapshots(host);
    assert.deepEqual(during.map((s) => s.status.state === "Ready"), [true, false], "one at a time");
    assert.equal(during[0].name, good.name);

    await Deno.remove(`${disk.path}/ballast`);
    await until("a newer one is Ready, and the old one gone", async () => {
      const [oldest] = await listPolicySnapshots(host);
      return oldest.name !== good.name && oldest.status.state === "Ready";
    });
  },
});

Deno.test({
  name: "a volume may be deleted while its policy copies it: the copy is abandoned, and Ready snapshots stay",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const data = await withPolicy(host);
    await host.restart();
    const good = await until(
      "one is Ready",
      async () => (await listPolicySnapshots(host)).find((s) => s.status.state === "Ready"),
    );
    await host.daemon.stop();
    const block = crypto.getRandomValues(new Uint8Array(2048));
    for (let i = 0; i < 10_000; i++) Deno.writeFileSync(`${data}/${i}`, block);
    await edit(host.dataDir, 0, setPolicy("1s", 2));
    await host.restart();
    await until(
      "it is being copied",
      async () => (await copies(host)).some((name) => name.endsWith(".partial")),
    );
    const deletion = await fetch(`${host.daemon.url}/v1/namespaces/default/volumes/v`, { method: "DELETE" });
    assert.ok(deletion.ok, await deletion.text());
    await until("the volume is gone", async () => (await items(host, "volumes")).length === 0);
    await until("the copy is given up", async () => (await copies(host)).length === 1);
    const left = await until("its row is gone", async () => {
      const names = (await items(host, "snapshots")).map((s) => s.name);
      return names.length === 1 && names;
    });
    assert.deepEqual([left, await copies(host)], [[good.name], [good.uid]]);
    assert.equal((await Array.fromAsync(Deno.readDir(data))).length, 10_000, "its data is kept");
  },
});

Deno.test({
  name: "SIGKILL of the daemon around scheduled snapshots leaves exactly one of each volume",
  ignore: noRoot,
  async fn() {
    const ROUNDS = 5;
    const VOLUMES = 6;
    let state = SEED;
    const random = () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    await using host = await startHost();
    const cls = (round: number) => ({ name: `c${round}`, driver: "local" });
    for (let round = 0; round < ROUNDS; round++) {
      await put(host, `storageclasses/c${round}`, cls(round));
    }
    await host.daemon.stop();
    await edit(host.dataDir, 2, (tx) => {
      for (let n = 0; n < ROUNDS * VOLUMES; n++) {
        addVolume(tx, `v${n}`, { storageClassName: `c${n % ROUNDS}` });
      }
    });
    await host.restart();
    await until(
      "all are provisioned",
      async () => (await items(host, "volumes")).every((v) => v.status.state === "Available"),
    );
    for (let round = 0; round < ROUNDS; round++) {
      const killAfterMs = Math.floor(random() * 150);
      const policy = { ...cls(round), snapshotPolicy: { every: "1h", keep: 3 } };
      // The cast makes the policies of all volumes of the class due at once.
      const sent = put(host, `storageclasses/c${round}`, policy).catch(() => {});
      await sleep(killAfterMs);
      await host.daemon.stop("SIGKILL");
      await sent;
      await host.restart();
      await put(host, `storageclasses/c${round}`, policy);
      const mine = Array.from({ length: VOLUMES }, (_, i) => `v${i * ROUNDS + round}`);
      const what = `seed ${SEED}, round ${round}, killed after ${killAfterMs} ms`;
      await until(`each volume has one (${what})`, async () => {
        const ready = (await listPolicySnapshots(host)).filter((s) => s.status.state === "Ready");
        return mine.every((name) => ready.some((s) => s.spec.source.volume === name));
      });
      for (const name of mine) {
        assert.deepEqual(
          (await listPolicySnapshots(host, name)).map((s) => s.status.state),
          ["Ready"],
          `${name}, ${what}`,
        );
      }
    }
    const rows = (await listPolicySnapshots(host)).map((s) => s.uid).sort();
    assert.equal(rows.length, ROUNDS * VOLUMES);
    assert.deepEqual(await copies(host), rows, "a copy for each row, and nothing half done");
  },
});

async function put(host: Host, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${host.daemon.url}/v1/${path}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, await answer.text());
}

Deno.test({
  name: "a new policy in a claim template applies to its volumes at once, and replaces no instance",
  ignore: noDocker || noRoot,
  async fn() {
    await using host = await startHost();
    await ensureTestImage();
    const mount = (policy: string) =>
      `  volumes:
    - name: d
      mountPath: /data
      claimTemplate: { size: 1Gi, accessMode: ReadWriteOnce${policy} }
`;
    const cast = async (policy: string) =>
      await host.rune("cast", await host.file("a.yaml", containerService("agent", mount(policy))));
    await cast("");
    const [before] = await items(host, "instances");
    await cast(", snapshotPolicy: { every: 2h, keep: 5 }");
    const volume = await until("the policy holds", async () => {
      const found = await volumeOf(host, "d-agent-0");
      return found.status.snapshots && found;
    });
    assert.deepEqual(volume.status.snapshots.policy, { every: "2h", keep: 5 });
    assert.equal(Date.parse(volume.status.snapshots.nextAt), Date.parse(volume.createdAt) + 2 * HOUR);
    const [after] = await items(host, "instances");
    assert.deepEqual([after.uid, after.status.run], [before.uid, before.status.run]);
  },
});
