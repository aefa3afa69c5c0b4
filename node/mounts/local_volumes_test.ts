/** The volumes of a node, on real directories and on an in-memory machine. @module */
import assert from "node:assert/strict";
import { createClock } from "../../base/clock.ts";
import { LocalHostDriver } from "../../drivers/local_host/local_host_driver.ts";
import { ProtectedDirectories } from "../../drivers/local_host/protected.ts";
import { LocalDriver } from "../../drivers/local/local_driver.ts";
import type { RunSpec } from "../../runners/runner.ts";
import { MemoryRuns } from "../../runners/testing/memory_runs.ts";
import type { Node } from "../node.ts";
import { fixedSecrets } from "../testing/drivers.ts";
import { MemoryMachine } from "../testing/memory_machine.ts";
import { makeTestNode } from "../testing/test_node.ts";
import type { VolumeCall } from "../volume_call.ts";
import type { PlaceOrder } from "../volumes.ts";

const { signal } = new AbortController();

const callOf = (name: string, parameters: Record<string, string> = {}): VolumeCall => ({
  volume: { namespace: "default", name, uid: `uid-${name}`, sizeBytes: 0, accessMode: "ReadWriteOnce" },
  parameters,
  blank: false,
  signal,
});

/** A node with the driver `local` and one mounted volume. */
async function withMounted(test: (room: { node: Node; path: string }) => Promise<void>): Promise<void> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-" }));
  const node = makeTestNode({ directory, drivers: [new LocalDriver({ root: `${directory}/volumes` })] });
  try {
    const { handle } = await node.drivers.get("local")!.provision(callOf("data"));
    const answer = await node.volumes.mount({ driver: "local", call: { ...callOf("data"), handle } }, []);
    assert.ok(answer.state === "mounted" && answer.filesystem);
    await test({ node, path: answer.path });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const ORDER: PlaceOrder = {
  volumeUid: "uid-data",
  instanceUid: "i",
  index: 0,
  subPath: "",
  owner: {},
};

Deno.test("place() creates the subPath, sets the root's mode, and returns only data", () =>
  withMounted(async ({ node, path }) => {
    const answer = await node.volumes.place({ ...ORDER, subPath: "a/b", mode: "0750" }, signal);
    assert.ok(answer.state === "placed");
    assert.equal(answer.source, `${path}/a/b`);
    assert.match(answer.place.inFilesystem, /\/a\/b$/);
    assert.deepEqual(JSON.parse(JSON.stringify(answer)), answer);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o750);
    await assert.rejects(node.volumes.place({ ...ORDER, subPath: "../other" }, signal), {
      code: "failed_precondition",
    });
  }));

Deno.test({
  name: "place() gives a root to its first owner only while it is empty (needs root)",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withMounted(async ({ node, path }) => {
      const owner = async () => {
        const { uid, gid } = await Deno.stat(path);
        return [uid, gid];
      };
      await Deno.writeTextFile(`${path}/data`, "");
      await node.volumes.place({ ...ORDER, firstOwner: { user: 7001, group: 7002 } }, signal);
      assert.deepEqual(await owner(), [0, 0]);
      await Deno.remove(`${path}/data`);
      await node.volumes.place({ ...ORDER, firstOwner: { user: 7001, group: 7002 } }, signal);
      assert.deepEqual(await owner(), [7001, 7002]);
      await node.volumes.place({ ...ORDER, firstOwner: { user: 7003 } }, signal);
      assert.deepEqual(await owner(), [7001, 7002], "it is somebody's");
      await node.volumes.place({ ...ORDER, owner: { user: 7004 }, firstOwner: { user: 7003 } }, signal);
      assert.deepEqual(await owner(), [7004, 7002]);
    }),
});

Deno.test("place() reports a volume as replaced if its directory is another one, until it is mounted again", () =>
  withMounted(async ({ node, path }) => {
    await Deno.rename(path, `${path}-aside`);
    await Deno.mkdir(path);
    const answer = await node.volumes.place(ORDER, signal);
    assert.ok(answer.state === "replaced");
    assert.match(answer.message, /is no longer the directory that was mounted/);
    await Deno.remove(path);
    await Deno.rename(`${path}-aside`, path);
    assert.equal((await node.volumes.place(ORDER, signal)).state, "replaced", "until it is mounted anew");
    await node.volumes.mount({ driver: "local", call: { ...callOf("data"), handle: path } }, []);
    assert.equal((await node.volumes.place(ORDER, signal)).state, "placed");
  }));

Deno.test("isMissing() checks a mounted volume, and follows no link", () =>
  withMounted(async ({ node, path }) => {
    await Deno.mkdir(`${path}/sub`);
    await Deno.writeTextFile(`${path}/sub/file`, "");
    await Deno.symlink("/etc", `${path}/link`);
    const look = (file: string) =>
      node.volumes.isMissing({ volumeUid: "uid-data", path: file, shownAs: `/data/${file}` }, signal);
    const missing = await Promise.all(["sub/file", "sub/other", "none/file", "sub/file/x", "link"].map(look));
    assert.deepEqual(missing, [false, true, true, true, false]);
    await assert.rejects(look("link/passwd"), {
      code: "failed_precondition",
      message: "/data/link/passwd goes through a symbolic link",
    });
    await node.volumes.unmount({ driver: "local", call: { ...callOf("data"), handle: path } });
    await assert.rejects(look("sub/file"), { code: "unavailable" });
  }));

Deno.test("mount() shows a directory for only one of two volumes that are mounted at once", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-" }));
  const driver = new LocalHostDriver({
    allowlist: () => [directory],
    allowCreateMissing: false,
    protected: new ProtectedDirectories([]),
  });
  const node = makeTestNode({ directory, drivers: [driver] });
  try {
    await Deno.mkdir(`${directory}/data/below`, { recursive: true });
    const answers = await Promise.all(["data", "data/below"].map((path, i) => {
      const call = {
        ...callOf(`v${i}`, { hostPath: `${directory}/${path}` }),
        handle: `${directory}/${path}`,
      };
      return node.volumes.mount({ driver: "local-host", call }, []);
    }));
    assert.deepEqual(answers.map(({ state }) => state).sort(), ["mounted", "overlaps"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** An in-memory node with these volumes. */
async function openMemory(...names: string[]) {
  const machine = new MemoryMachine(new MemoryRuns());
  const node = machine.openNode({ secrets: fixedSecrets(), clock: createClock() });
  for (const name of names) await node.drivers.get("local")!.provision(callOf(name));
  const mount = (name: string, runs: { instanceUid: string; run: number }[] = []) =>
    node.volumes.mount(
      { driver: "local", call: callOf(name) },
      runs.map((run) => ({ runner: "docker", run, subPaths: [""] })),
    );
  return { machine, node, mount };
}

const specOf = (source: string): RunSpec => ({
  ...{ instanceUid: "i", run: 1, namespace: "default", service: "web", instance: "web-0", generation: 1 },
  ...{ specHash: "0", image: "memory:1", env: {}, aliases: [], publish: [] },
  mounts: [{ source, target: "/data", readOnly: false }],
});

Deno.test("mount() does not show a volume while a run of a holder has another directory mounted", async () => {
  const { machine, node, mount } = await openMemory("data", "other");
  const other = await mount("other");
  assert.ok(other.state === "mounted");
  const runner = node.runners.get("docker")!;
  const spec = specOf(other.path);
  await runner.create(spec, signal);
  await runner.start(spec, signal);
  const ref = { instanceUid: "i", run: 1 };
  const directory = "/memory/volumes/default/data";
  assert.deepEqual(await mount("data", [ref]), { state: "stranger", directory, run: ref });
  assert.deepEqual([...machine.shown.keys(), ...machine.held.keys()], ["uid-other", "uid-other"]);
  assert.equal((await mount("other", [ref])).state, "mounted", "its own is no stranger");
  await runner.stop(ref, { timeoutMs: 0, signal });
  assert.equal((await mount("data", [ref])).state, "mounted");
});

Deno.test("release() hides and releases everything of one volume, and so does unmount() without a driver", async () => {
  const { machine, node, mount } = await openMemory("a", "b");
  await mount("a");
  await mount("b");
  assert.deepEqual((await node.volumes.listOwners(signal)).sort(), ["uid-a", "uid-b"]);
  await node.volumes.release("uid-a", signal);
  assert.deepEqual(await node.volumes.listOwners(signal), ["uid-b"]);
  await node.volumes.unmount({ driver: undefined, call: callOf("b") });
  assert.deepEqual(await node.volumes.listOwners(signal), []);
  assert.equal(machine.volumes.volumes.get("default/b")!.mounted, true, "nobody could unmount it");
});
