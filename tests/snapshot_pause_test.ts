/** Tests that a volume's writers pause during a copy, and always resume. @module */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { capture } from "../scripts/command.ts";
import { openEngine } from "../scripts/engine.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const FILES = 5_000;
/** Two files that never differ by more than one line, and that a copy reads far apart. */
const WRITER =
  "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo $i >> /data/a; echo $i >> /data/z; sleep 0.01; done";

const VOLUME = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n";
const SERVICE = `service:
  name: web
  image: ${TEST_IMAGE}
  command: ${JSON.stringify(["/bin/sh", "-c", WRITER])}
  volumes:
    - { name: d, mountPath: /data, claim: { name: v } }
`;

interface Writer {
  uid: string;
  status: { state: string; handle: string; restarts: number; startedAt: string };
}

interface Status {
  state: string;
  attempts: number;
  handle: string;
  takenAt: string;
  paused?: unknown[];
  failureMessage?: string;
}

/** A resource from the API, which is cheaper to poll than the command line. */
async function resource<T>(host: Host, path: string): Promise<T> {
  return await (await fetch(`${host.daemon.url}/v1/namespaces/default/${path}`)).json();
}

const writer = (host: Host) => resource<Writer>(host, "instances/web-0");
const snapshot = async (host: Host) => (await resource<{ status: Status }>(host, "snapshots/s")).status;

/** A host with a service that writes without pause, on a volume that takes a while to copy. */
async function busyHost(): Promise<Host> {
  await ensureTestImage();
  const host = await startHost();
  try {
    await host.rune("cast", await host.file("v.yaml", VOLUME.replace("---\n", "")));
    const directory = `${host.dataDir}/volumes/default/v`;
    await Deno.writeTextFile(`${directory}/a`, "");
    const data = crypto.getRandomValues(new Uint8Array(4096));
    for (let i = 0; i < FILES; i++) Deno.writeFileSync(`${directory}/f${i}`, data);
    await Deno.writeTextFile(`${directory}/z`, "");
    await host.rune("cast", await host.file("c.yaml", VOLUME + SERVICE));
    return host;
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

/** Asks the Engine about one container. */
async function withContainer<T>(
  id: string,
  work: (container: { isPaused(): Promise<boolean>; call(action: string): Promise<unknown> }) => Promise<T>,
): Promise<T> {
  const engine = openEngine();
  try {
    return await work({
      async isPaused() {
        const { State } = await engine.call(`GET /containers/${id}/json`) as { State: { Paused: boolean } };
        return State.Paused;
      },
      call: (action) => engine.call(`POST /containers/${id}/${action}`),
    });
  } finally {
    engine.close();
  }
}

/** Starts a snapshot and resolves when the container is paused. */
async function snapshotWhilePaused(host: Host, id: string): Promise<void> {
  await withContainer(id, async ({ isPaused }) => {
    const created = host.rune("snapshot", "create", "v", "--name", "s", "--no-wait");
    await until("the writer is paused", isPaused);
    await created;
  });
}

const waitForSnapshot = (host: Host) =>
  until("the snapshot is Ready", async () => {
    const status = await snapshot(host);
    return status.state === "Ready" && status;
  });

/** The number of lines in a file. */
async function lines(file: string): Promise<number> {
  return (await Deno.readTextFile(file)).split("\n").length - 1;
}

/** The difference in lines between the two files in a directory. */
async function distance(directory: string): Promise<number> {
  return await lines(`${directory}/a`) - await lines(`${directory}/z`);
}

/** At any moment the first file is at most one line ahead. */
const isWhole = (apart: number) => apart === 0 || apart === 1;

/** Checks that the container writes. */
async function writes(host: Host): Promise<void> {
  const file = `${host.dataDir}/volumes/default/v/z`;
  const before = await lines(file);
  await until("it writes again", async () => await lines(file) > before + 2);
}

Deno.test({
  name:
    "a writer is paused for the copy, which shows a single moment; it is neither restarted nor declared dead",
  ignore: noDocker || noRoot,
  async fn() {
    await using host = await busyHost();
    const before = await writer(host);
    const states = new Set<string>();
    const watching = new AbortController();
    const watch = (async () => {
      while (!watching.signal.aborted) states.add((await writer(host)).status.state);
    })();
    await snapshotWhilePaused(host, before.status.handle);
    const exec = await host.run(["exec", "web", "--", "true"]);
    const { handle } = await waitForSnapshot(host);
    assert.ok(exec.code === 0 || /paused/.test(exec.stderr), exec.stderr);
    watching.abort();
    await watch;
    assert.ok(isWhole(await distance(handle)), `${await distance(handle)} writes apart`);
    const names = (await Array.fromAsync(Deno.readDir(handle))).length;
    assert.equal(names, FILES + 2);
    await writes(host);
    const after = await writer(host);
    assert.deepEqual([after.uid, after.status], [before.uid, before.status]);
    assert.deepEqual([...states], ["Running"]);
    assert.equal((await snapshot(host)).paused, undefined);
    assert.match(await host.rune("events"), /its writers were paused for \d+ ms/);

    // A copy without pause pauses nobody.
    await withContainer(before.status.handle, async ({ isPaused }) => {
      let done = false;
      const taken = host.rune("snapshot", "create", "v", "--name", "live", "--no-pause").then(() =>
        done = true
      );
      while (!done) assert.equal(await isPaused(), false);
      await taken;
    });
  },
});

Deno.test({
  name:
    "after a daemon is killed while a writer is paused, the next one resumes it, even if the snapshot is deleted",
  ignore: noDocker || noRoot,
  async fn() {
    await using host = await busyHost();
    const before = await writer(host);
    await withContainer(before.status.handle, async ({ isPaused }) => {
      for (const then of ["take it", "delete it"]) {
        await snapshotWhilePaused(host, before.status.handle);
        await host.daemon.stop("SIGKILL");
        assert.ok(await isPaused(), "nobody is there to resume it");
        await host.restart();
        if (then === "take it") await waitForSnapshot(host);
        await host.rune("snapshot", "delete", "s", "--yes");
        assert.equal(await isPaused(), false);
        await writes(host);
      }
      // A daemon that is asked to stop resumes it first.
      await snapshotWhilePaused(host, before.status.handle);
      await host.daemon.stop("SIGTERM");
      assert.equal(await isPaused(), false);
      await host.restart();
      await waitForSnapshot(host);
    });
    const after = await writer(host);
    assert.deepEqual([after.uid, after.status.handle, after.status.restarts], [
      before.uid,
      before.status.handle,
      before.status.restarts,
    ]);
    const snapshots = `${host.dataDir}/volumes/.snapshots/default`;
    assert.deepEqual((await Array.fromAsync(Deno.readDir(snapshots))).map((e) => e.name), [
      (await host.get("snapshot", "s")).uid,
    ]);
  },
});

Deno.test({
  name: "while a volume is copied nobody starts to write it, a stop waits, and a disturbed copy is repeated",
  ignore: noDocker || noRoot,
  async fn() {
    await using host = await busyHost();
    const first = await writer(host);

    await withContainer(first.status.handle, async ({ isPaused, call }) => {
      await snapshotWhilePaused(host, first.status.handle);
      assert.ok(await isPaused());
      await call("unpause");
      const { attempts, handle } = await waitForSnapshot(host);
      assert.equal(attempts, 1, "the copy that was written under is not kept");
      assert.ok(isWhole(await distance(handle)));
      assert.match(
        await host.rune("events"),
        /web-0 was resumed by somebody else while its volume was copied/,
      );
    });
    await host.rune("snapshot", "delete", "s", "--yes");

    // A restart during the copy: the old instance stops and the new one starts after it.
    await snapshotWhilePaused(host, first.status.handle);
    await host.rune("restart", "web");
    const second = await writer(host);
    assert.notEqual(second.status.handle, first.status.handle);
    const { takenAt, handle } = await waitForSnapshot(host);
    assert.ok(second.status.startedAt > takenAt, `started ${second.status.startedAt}, taken ${takenAt}`);
    assert.ok(isWhole(await distance(handle)));
    await host.rune("snapshot", "delete", "s", "--yes");

    // A writer that dies while it is paused is not replaced before the copy is done.
    await snapshotWhilePaused(host, second.status.handle);
    await capture(["docker", "kill", second.status.handle]);
    const taken = await waitForSnapshot(host);
    const third = await until("it runs again", async () => {
      const now = await writer(host);
      return now.status.state === "Running" && now.status.handle !== second.status.handle && now;
    });
    assert.ok(
      third.status.startedAt > taken.takenAt,
      `started ${third.status.startedAt}, taken ${taken.takenAt}`,
    );
    assert.ok(isWhole(await distance(taken.handle)));
  },
});
