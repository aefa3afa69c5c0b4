/**
 * Tests that a volume's data in a backup shows a single moment, and that the snapshots behind it are always
 * removed.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { capture } from "../scripts/command.ts";
import { containerService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const FILES = 10;
/** Enough data that reading the volume takes longer than writing all the files. */
const BULK_MIB = 60;
/** Writes the same number into each file in turn, over and over. */
const WRITER = `n=0; trap 'exit 0' TERM; while :; do n=$((n+1)); ` +
  `for i in $(seq 0 ${FILES - 1}); do echo $n > /data/f$i; done; done`;

/** A service that writes a volume without pause. @returns the volume's directory. */
async function castWriter(host: Host): Promise<string> {
  const text = "volume: { name: data, size: 1Gi, accessMode: ReadWriteOnce }\n---\n" +
    containerService(
      "writer",
      "  stopTimeout: 1s\n  volumes: [{ name: d, mountPath: /data, claim: { name: data } }]\n",
    ).replace(/command: .*/, `command: ${JSON.stringify(["/bin/sh", "-c", WRITER])}`);
  await host.rune("cast", await host.file("writer.yaml", text));
  const { handle } = (await host.get("volume", "data")).status;
  const bulk = ["dd", "if=/dev/urandom", `of=${handle}/bulk`, "bs=1M", `count=${BULK_MIB}`];
  assert.equal((await capture(bulk)).code, 0);
  return handle;
}

/** The content of the files in a directory. A file that is being written is empty. */
async function numbers(directory: string): Promise<number[]> {
  const texts = Array.from({ length: FILES }, (_, i) => Deno.readTextFile(`${directory}/f${i}`));
  return (await Promise.all(texts)).filter((text) => text !== "").map(Number);
}

async function assertWrites(directory: string): Promise<void> {
  const before = Math.max(...await numbers(directory));
  await until("the writer goes on", async () => Math.min(...await numbers(directory)) > before);
}

/** Snapshots, and the remains of their data. */
async function leftOf(host: Host): Promise<string[]> {
  const { items } = await host.get("snapshots", "-A");
  const copies = await capture(["find", `${host.dataDir}/volumes/.snapshots`, "-mindepth", "2"]);
  return [...items.map(({ name }: { name: string }) => name), ...copies.stdout.split("\n").filter(Boolean)];
}

const noneLeft = (host: Host) =>
  until("no snapshot is left, nor its data", async () => (await leftOf(host)).length === 0);

Deno.test({
  name:
    "the data of a volume that is being written shows a single moment, and its snapshot is removed after the backup",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const directory = await castWriter(host);
    const out = `${host.home}/b.tgz`;
    const backup = (...more: string[]) =>
      host.run(["admin", "backup", "--out", out, "--with-volumes", "default/data", ...more]);
    const said = await backup();
    assert.equal(said.code, 0, said.stderr);
    await noneLeft(host);
    await assertWrites(directory);
    await host.rune("admin", "restore", out, "--data-dir", `${host.home}/restored`, "--as-copy");
    const found = await numbers(`${host.home}/restored/volumes/default/data`);
    assert.ok(Math.max(...found) - Math.min(...found) <= 1, `one moment: ${found}`);
    assert.deepEqual(found, found.toSorted((a, b) => b - a), "in the order in which they were written");

    const torn = await backup("--no-snapshots");
    assert.match(torn.stderr, /the files of default\/data were copied as they were/);
    assert.deepEqual(await leftOf(host), []);
  },
});

Deno.test({
  name: "a backup whose daemon is killed, before or after the copy, leaves no snapshot and no paused writer",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const directory = await castWriter(host);
    for (const state of ["Creating", "Ready"]) {
      // The answer is not read, so the daemon is in the middle of it.
      const answer = fetch(`${host.daemon.url}/v1/admin/backup`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ volumes: ["default/data"] }),
      }).catch(() => undefined);
      await until(`a snapshot is ${state}`, async () => {
        const { items } = await (await fetch(`${host.daemon.url}/v1/snapshots`)).json();
        return items.some((s: { status: { state: string } }) => s.status.state === state);
      });
      await host.daemon.stop("SIGKILL");
      await (await answer)?.body?.cancel().catch(() => {});
      await host.restart();
      await noneLeft(host);
      await assertWrites(directory);
    }
    const left = new AbortController();
    const asked = fetch(`${host.daemon.url}/v1/admin/backup`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ volumes: ["default/data"] }),
      signal: left.signal,
    });
    await until("a snapshot is taken", async () => (await leftOf(host)).length > 0);
    left.abort();
    await assert.rejects(asked.then((answer) => answer.bytes()));
    await noneLeft(host);
  },
});
