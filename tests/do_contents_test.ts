/** What lies on a volume of DigitalOcean is never formatted, whichever way the volume has come. @module */
import assert from "node:assert/strict";
import { createLoopBacking, type LoopBacking } from "./fakes/digitalocean/loops.ts";
import { noLoopDevices } from "./skips.ts";
import type { VolumeContext } from "../drivers/driver.ts";
import { digestEnds, FOREIGN_CONTENT, writeForeign } from "../drivers/testing/foreign_content.ts";
import { type CloudWorld, createCloudWorld } from "../drivers/digitalocean/testing/cloud_world.ts";

const GIB = 2 ** 30;
const KINDS = { ...FOREIGN_CONTENT, nothing: {} };

/** A world whose volumes have only what a test writes to them. */
interface Stage {
  world: CloudWorld;
  loops: LoopBacking;
  /** Replaces what lies on a volume or a snapshot. */
  fill(id: string, content: Record<number, Uint8Array>): Promise<void>;
}

/** How a volume comes to its content, and the context of the mount that follows. */
type Situation = (
  stage: Stage,
  { name, content }: { name: string; content: Record<number, Uint8Array> },
) => Promise<VolumeContext>;

async function provision({ world: { driver, context } }: Stage, name: string): Promise<VolumeContext> {
  const { handle, adopted } = await driver.provision(context(name));
  return context(name, { handle, blank: !adopted });
}

async function mountOnce({ world: { driver } }: Stage, ctx: VolumeContext): Promise<VolumeContext> {
  await driver.attach(ctx);
  await driver.mount(ctx);
  await driver.unmount(ctx);
  return { ...ctx, blank: false };
}

const SITUATIONS: Record<string, Situation> = {
  async "at its first attach"(stage, { name, content }) {
    const ctx = await provision(stage, name);
    await stage.fill(ctx.handle!, content);
    return ctx;
  },
  async "at its second attach"(stage, { name, content }) {
    const ctx = await mountOnce(stage, await provision(stage, name));
    await stage.world.driver.detach(ctx);
    await stage.fill(ctx.handle!, content);
    return ctx;
  },
  async "when it was restored"(stage, { name, content }) {
    const { world: { driver, context } } = stage;
    const source = await mountOnce(stage, await provision(stage, `${name}-source`));
    const ref = { namespace: "default", name, uid: crypto.randomUUID() };
    const { handle } = await driver.snapshot(source, ref);
    await stage.fill(handle, content);
    const from = { from: "snapshot", snapshot: { ...ref, handle } } as const;
    const restored = await driver.materialize(context(name, { blank: false }), from);
    await driver.detach(source);
    return context(name, { handle: restored.handle, blank: false });
  },
  async "when it was adopted"(stage, { name, content }) {
    const { world: { driver, fake, context, token } } = stage;
    const { id: volumeId } = await fake.createVolume({ name, sizeGb: 1 });
    await stage.fill(volumeId, content);
    const parameters = { region: "nyc3", apiToken: token, volumeId };
    const { handle, adopted } = await driver.provision(context(name, { parameters }));
    assert.equal(adopted, true);
    return context(name, { parameters, handle, blank: !adopted });
  },
};

for (const [situation, prepare] of Object.entries(SITUATIONS)) {
  Deno.test({
    name: `mount() never formats what lies on a volume ${situation} (needs root and loop devices)`,
    ignore: noLoopDevices,
    async fn() {
      const loops = await createLoopBacking();
      await using world = await createCloudWorld({ loops });
      const stage: Stage = {
        ...{ world, loops },
        async fill(id, content) {
          await Deno.truncate(loops.imageOf(id), 0);
          await Deno.truncate(loops.imageOf(id), GIB);
          await writeForeign(loops.imageOf(id), content);
        },
      };
      const { driver } = world;
      for (const [i, [kind, content]] of Object.entries(KINDS).entries()) {
        const ctx = await prepare(stage, { name: `volume-${i}`, content });
        if (ctx.blank && kind === "nothing") continue;
        const before = await digestEnds(loops.imageOf(ctx.handle!));
        await driver.attach(ctx);
        for (const next of [driver, world.restart()]) {
          await assert.rejects(next.mount(ctx), { code: "failed_precondition" }, kind);
        }
        await driver.detach(ctx);
        assert.equal(await digestEnds(loops.imageOf(ctx.handle!)), before, kind);
        await driver.delete(ctx);
      }
    },
  });
}
