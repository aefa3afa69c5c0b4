import assert from "node:assert/strict";
import { VirtualTime } from "../../base/testing/virtual_time.ts";
import type { RunSpec } from "../../runners/runner.ts";
import { contextMaker } from "../../drivers/conformance_trial.ts";
import { OPEN_GATE } from "../../base/testing/gate.ts";
import { openDirectory } from "../../drivers/testing/memory_directories.ts";
import { Violation, World } from "./world.ts";

const { signal } = new AbortController();
const VOLUME = contextMaker()("data", { signal });

function runOf(instance: string, source: string, readOnly = false): RunSpec {
  return {
    instanceUid: `uid-${instance}`,
    run: 1,
    namespace: "default",
    service: "web",
    instance,
    generation: 1,
    specHash: "0",
    image: "memory:1",
    env: {},
    mounts: [{ source, target: "/data", readOnly }],
    aliases: [],
    publish: [],
  };
}

/** A world with a volume that is mounted and shown. */
async function withVolume(
  test: (room: { world: World; node: ReturnType<World["openNode"]>; source: string }) => Promise<void>,
): Promise<void> {
  using time = new VirtualTime();
  const world = new World(1, time);
  const node = world.openNode(OPEN_GATE);
  const ctx = VOLUME;
  await node.driver.provision(ctx);
  await node.driver.attach(ctx);
  const { path } = await node.driver.mount(ctx);
  const source = await node.stage.show(VOLUME.volume.uid, await openDirectory(path), signal);
  await test({ world, node, source });
}

async function start(node: ReturnType<World["openNode"]>, spec: RunSpec): Promise<void> {
  await node.runner.create(spec, signal);
  await node.runner.start(spec, signal);
}

function breaks(world: World, promise: string): void {
  assert.throws(() => world.check(), (error) => error instanceof Violation && error.promise === promise);
}

Deno.test("check() finds two writers of a volume, and a reader beside a writer", async () => {
  for (const readOnly of [false, true]) {
    await withVolume(async ({ world, node, source }) => {
      await start(node, runOf("web-0", source));
      world.check();
      await start(node, runOf("web-1", source, readOnly));
      breaks(world, "one writer");
    });
  }
});

Deno.test("check() finds a volume that is unmounted, deleted or copied under a run that uses it", async () => {
  const ctx = VOLUME;
  await withVolume(async ({ world, node, source }) => {
    await start(node, runOf("web-0", source));
    await node.driver.unmount(ctx);
    breaks(world, "mounted while used");
    await node.driver.delete(ctx);
    breaks(world, "kept while used");
  });
  await withVolume(async ({ world, node, source }) => {
    await start(node, runOf("web-0", source));
    world.copying.add(VOLUME.volume.uid);
    breaks(world, "still while copied");
    await node.runner.pause(runOf("web-0", source), signal);
    world.check();
  });
});
