import assert from "node:assert/strict";
import { FINALIZERS } from "../../model/marks.ts";
import { okJson, problemOf, type TestServer, volume, withServer } from "../api/server_fixture.ts";

const ns = "/v1/namespaces/default";
type Pair = [string, Record<string, unknown>];

const snapshot = (name: string, of: string, more: object = {}): Pair => [
  "snapshot",
  { name, source: { volume: of }, ...more },
];
const makeRestored = (name: string, from: string, more: object = {}): Pair =>
  volume(name, { source: { snapshot: from }, ...more });

/** Writes the status that the controllers would write. */
async function becomes(
  { store }: TestServer,
  kind: "snapshot" | "volume",
  { name, status }: { name: string; status: Record<string, unknown> },
): Promise<void> {
  await store.transact((tx) => {
    const found = tx.get(kind, "default", name)!;
    tx.update(found, { status: { ...found.status, ...status } as never });
  });
}

async function refusal(answer: Promise<Response>): Promise<string> {
  const { issues } = await problemOf(answer, "invalid_argument");
  assert.equal(issues!.length, 1, JSON.stringify(issues));
  return `${issues![0]!.path.join(".")}: ${issues![0]!.message}`;
}

Deno.test("admitSnapshot() refuses what cannot be copied, with the field and the reason", () =>
  withServer(async ({ cast, hostDir }) => {
    await okJson(cast([
      volume("a"),
      volume("host", { storageClassName: "local-host", parameters: { hostPath: hostDir } }),
    ]));
    assert.equal(
      await refusal(cast([snapshot("s", "host")])),
      "source.volume: volume default/host uses the driver local-host, which takes no snapshots",
    );
    assert.equal(await refusal(cast([snapshot("s", "b")])), "source.volume: there is no volume default/b");
    const elsewhere = snapshot("s", "a", { namespace: "other" });
    assert.equal(await refusal(cast([elsewhere])), "source.volume: there is no volume other/a");
    // The mistake in the volume is reported once.
    assert.match(
      await refusal(cast([snapshot("s", "c"), volume("c", { storageClassName: "x" })])),
      /storageClassName/,
    );
    await okJson(cast([snapshot("s", "d"), volume("d")]));
  }));

Deno.test("admitSnapshot() refuses another snapshot of a volume that has as many as its driver allows", () =>
  withServer(async (server) => {
    const { cast, store } = server;
    await okJson(cast([
      ["storageClass", {
        name: "cloud",
        driver: "do-volume",
        parameters: { region: "nyc3", apiToken: "secret:do/token" },
      }],
      volume("v", { storageClassName: "cloud" }),
      ...Array.from({ length: 26 }, (_, i) => snapshot(`s${i}`, "v")),
    ]));
    await becomes(server, "volume", { name: "v", status: { driver: "do-volume" } });
    const { uid } = store.get("volume", "default", "v")!;
    const origin = { uid, size: "1Gi", accessMode: "ReadWriteOnce" };
    for (let i = 0; i < 25; i++) {
      if (i === 24) await okJson(cast([snapshot("in-time", "v")]));
      await becomes(server, "snapshot", { name: `s${i}`, status: { state: "Ready", origin } });
    }
    // One that has failed for good is nowhere.
    await becomes(server, "snapshot", { name: "s25", status: { state: "Failed", origin } });
    assert.equal(
      await refusal(cast([snapshot("late", "v")])),
      "source.volume: volume default/v has as many snapshots as its driver allows: 25",
    );
    await okJson(cast([snapshot("s3", "v"), snapshot("in-time", "v")]));
  }));

Deno.test("admitSnapshot() refuses a change of a snapshot, and accepts an unchanged one", () =>
  withServer(async ({ cast, send }) => {
    await okJson(cast([volume("a"), volume("b"), snapshot("s", "a", { pause: false })]));
    assert.deepEqual((await okJson(send("GET", `${ns}/snapshots/s`))).finalizers, [FINALIZERS.snapshot]);
    for (const same of [snapshot("s", "a"), snapshot("s", "a", { pause: false })]) {
      assert.equal((await okJson(cast([same]))).results[0].action, "unchanged");
    }
    assert.match(await refusal(cast([snapshot("s", "b")])), /source.volume: cannot change from a to b/);
    assert.match(await refusal(cast([snapshot("s", "a", { pause: true })])), /pause: cannot change/);
    await okJson(send("PUT", `${ns}/snapshots/s`, { source: { volume: "a" }, labels: { keep: "yes" } }));
    await problemOf(
      send("POST", `${ns}/snapshots`, { name: "s", source: { volume: "a" } }),
      "already_exists",
    );
  }));

Deno.test("admitVolume() refuses a source that is missing, being deleted, or of another driver, and pins an accepted one", () =>
  withServer(async (server) => {
    const { cast, send, hostDir } = server;
    await okJson(cast([volume("a"), snapshot("s", "a")]));
    assert.match(
      await refusal(cast([makeRestored("b", "t")])),
      /source.snapshot: there is no snapshot default\/t/,
    );
    const elsewhere = makeRestored("b", "s", { namespace: "other" });
    assert.match(await refusal(cast([elsewhere])), /there is no snapshot other\/s/);
    const foreign = { storageClassName: "local-host", parameters: { hostPath: hostDir } };
    assert.equal(
      await refusal(cast([makeRestored("b", "s", foreign)])),
      "source.snapshot: snapshot default/s has the driver local, but storage class local-host uses local-host",
    );

    await okJson(cast([makeRestored("b", "s")]));
    const made = await okJson(send("GET", `${ns}/volumes/b`));
    assert.deepEqual(made.spec.source, { snapshot: "s", namespace: "default" });
    for (const same of [makeRestored("b", "s"), volume("b")]) {
      assert.equal((await okJson(cast([same]))).results[0].action, "unchanged");
    }
    await okJson(cast([snapshot("s2", "a")]));
    assert.match(await refusal(cast([makeRestored("b", "s2")])), /source: cannot change/);
    assert.match(await refusal(cast([makeRestored("a", "s")])), /source: cannot change/);

    await becomes(server, "volume", { name: "b", status: { state: "Available", handle: "/b" } });
    await okJson(send("DELETE", `${ns}/snapshots/s`));
    assert.match(await refusal(cast([makeRestored("c", "s")])), /snapshot default\/s is being deleted/);
  }));

Deno.test("deleteResource() refuses a snapshot that is being restored, and a volume whose snapshot is being taken", () =>
  withServer(async (server) => {
    const { cast, send } = server;
    await okJson(cast([volume("a"), snapshot("s", "a")]));
    const taking = await problemOf(send("DELETE", `${ns}/volumes/a`), "conflict");
    assert.match(taking.detail, /snapshot default\/s of volume default\/a is being taken/);
    await becomes(server, "snapshot", { name: "s", status: { state: "Ready", driver: "local" } });

    await okJson(cast([makeRestored("b", "s")]));
    const restoring = await problemOf(send("DELETE", `${ns}/snapshots/s`), "conflict");
    assert.match(restoring.detail, /snapshot default\/s is being restored into volume default\/b/);
    await becomes(server, "volume", { name: "b", status: { state: "Available", handle: "/b" } });

    await okJson(send("DELETE", `${ns}/volumes/a`));
    assert.ok((await okJson(send("DELETE", `${ns}/snapshots/s`))).deletionRequestedAt);
  }));
