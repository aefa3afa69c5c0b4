import assert from "node:assert/strict";
import { VirtualTime } from "../../base/testing/virtual_time.ts";
import type { RunSpec } from "../../runners/runner.ts";
import { contextMaker } from "../../drivers/conformance_trial.ts";
import { OPEN_GATE } from "../../base/testing/gate.ts";
import { createClock } from "../../base/clock.ts";
import type { Node } from "../../node/node.ts";
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
  test: (room: { world: World; node: Node; source: string }) => Promise<void>,
): Promise<void> {
  using time = new VirtualTime();
  const world = new World(1, time);
  const node = world.openNode(OPEN_GATE, createClock());
  await node.drivers.get("local")!.provision(VOLUME);
  const answer = await node.volumes.mount({ driver: "local", call: VOLUME }, []);
  assert.ok(answer.state === "mounted");
  await test({ world, node, source: answer.path });
}

async function start(node: Node, spec: RunSpec): Promise<void> {
  const runner = node.runners.get("docker")!;
  await runner.create(spec, signal);
  await runner.start(spec, signal);
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

Deno.test("check() finds a volume that is unmounted, deleted or copied while a run uses it", async () => {
  await withVolume(async ({ world, node, source }) => {
    await start(node, runOf("web-0", source));
    await node.drivers.get("local")!.unmount(VOLUME);
    breaks(world, "mounted while used");
    await node.drivers.get("local")!.delete(VOLUME);
    breaks(world, "kept while used");
  });
  await withVolume(async ({ world, node, source }) => {
    await start(node, runOf("web-0", source));
    world.copying.add(VOLUME.volume.uid);
    breaks(world, "still while copied");
    await node.runners.get("docker")!.pause(runOf("web-0", source), signal);
    world.check();
  });
});
