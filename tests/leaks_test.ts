/** Tests that the search for leaks finds each planted kind, and nothing on a healthy host. @module */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { capture } from "../scripts/command.ts";
import { openEngine } from "../scripts/engine.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Host, startHost } from "./host.ts";
import { assertNothingLeaked, findLeaks } from "./leaks.ts";
import { noDocker, noLoopDevices } from "./skips.ts";

/** Plants a leak. @returns a function that removes it. */
type Planted = (host: Host) => Promise<() => Promise<unknown>>;

const UID = "00000000-1111-2222-3333-444444444444";

async function must(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await capture(argv);
  assert.equal(code, 0, `${argv.join(" ")}: ${stderr}`);
  return stdout.trim();
}

function file(path: string): Planted {
  return async ({ dataDir }) => {
    const whole = `${dataDir}/${path}`;
    const parent = whole.slice(0, whole.lastIndexOf("/"));
    const made = await Deno.stat(parent).then(() => undefined, () => parent);
    await Deno.mkdir(parent, { recursive: true });
    await Deno.writeTextFile(whole, "");
    return () => Deno.remove(made ?? whole, { recursive: true });
  };
}

function inEngine(create: string, body: (daemonId: string) => unknown, remove: string): Planted {
  return async ({ daemonId }) => {
    const engine = openEngine();
    const { Id } = await engine.call(`POST ${create}`, body(daemonId)) as { Id: string };
    return async () => {
      await engine.call(`DELETE ${remove}/${Id}`);
      engine.close();
    };
  };
}

const LEAKS: Record<string, [what: RegExp, plant: Planted]> = {
  "a container": [
    /^container .*created/,
    inEngine(
      "/containers/create",
      (id) => ({
        Image: TEST_IMAGE,
        Labels: { "rune.io/daemon": id, "rune.io/namespace": "default", "rune.io/instance-uid": UID },
      }),
      "/containers",
    ),
  ],
  "a network": [
    /^network rune-test-leak/,
    inEngine("/networks/create", (id) => ({
      Name: `rune-test-leak-${id.slice(0, 8)}`,
      Labels: { "rune.io/daemon": id, "rune.io/namespace": "other" },
    }), "/networks"),
  ],
  "a process": [/^process \d+: sleep/, async ({ dataDir }) => {
    const started = await capture(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"], { cwd: dataDir });
    return async () => {
      await Promise.resolve();
      Deno.kill(Number(started.stdout), "SIGKILL");
    };
  }],
  "a control group": [/^control group .*\/rune\/.*-77$/, async (host) => {
    const [instance] = (await host.get("instances")).items;
    const mount = (await must("find", "/sys/fs/cgroup", "-maxdepth", "2", "-type", "d", "-name", "rune"))
      .split("\n");
    const group = `${mount[0]}/${host.daemonId}.${instance.uid}-77`;
    await Deno.mkdir(group);
    return () => Deno.remove(group);
  }],
  "a mount": [/^mount .*\/runs\/0000/, async ({ dataDir }) => {
    const at = `${dataDir}/runs/${UID}-1`;
    await Deno.mkdir(at, { recursive: true });
    await must("mount", "-t", "tmpfs", "rune", at);
    return async () => {
      await must("umount", at);
      await Deno.remove(at);
    };
  }],
  "a loop device": [/^loop device \/dev\/loop/, async ({ home }) => {
    await Deno.writeFile(`${home}/image`, new Uint8Array(1 << 20));
    const device = await must("losetup", "-f", "--show", `${home}/image`);
    return () => must("losetup", "-d", device);
  }],
  "a socket": [/^socket some\.sock$/, async ({ dataDir }) => {
    await Promise.resolve();
    const listener = Deno.listen({ transport: "unix", path: `${dataDir}/some.sock` });
    return async () => {
      await Promise.resolve();
      listener.close();
    };
  }],
  "a record of a process": [/^record processes\/0000/, file(`processes/${UID}-1/spec.json`)],
  "files of a run": [/^record runs\/0000/, file(`runs/${UID}-1/0`)],
  "a signal": [/^record processes\/signals\/0000/, file(`processes/signals/${UID}-1.exit`)],
  "a half-made record": [/^half done: processes\/\.making-/, file(`processes/.making-${UID}-1/spec.json`)],
  "a half-made volume": [
    /^half done: volumes\/default\/.*partial$/,
    file("volumes/default/.v.0123456789ab.partial/f"),
  ],
  "a half-written note": [/^half done: volumes\/\.rune/, file("volumes/.rune/default/v.json.new")],
  "half a backup": [/^half done: backup-/, file("backup-1.db")],
  "a note of no volume": [/^note \.rune\/default\/gone/, file("volumes/.rune/default/gone.json")],
  "a copy of no snapshot": [/^copy \.snapshots\/default\/0000/, file(`volumes/.snapshots/default/${UID}/f`)],
  "an entry of the trash without data": [
    /^empty entry \.trash\/0000/,
    file(`volumes/.trash/${UID}/manifest.json`),
  ],
};

Deno.test({
  name: "findLeaks() finds each kind of leak, and nothing else",
  ignore: noDocker || noLoopDevices,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const volume = "  volumes:\n    - { name: d, mountPath: /d, claim: { name: v } }\n";
    const text = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n" +
      containerService("web", volume) + "---\n" + processService("agent");
    await host.rune("cast", await host.file("c.yaml", text));
    await assertNothingLeaked(host);
    for (const [name, [what, plant]] of Object.entries(LEAKS)) {
      const remove = await plant(host);
      try {
        const found = await findLeaks(host);
        assert.ok(found.some((leak) => what.test(leak)), `${name}: ${found.join("\n") || "nothing found"}`);
      } finally {
        await remove();
      }
      assert.deepEqual(await findLeaks(host), [], name);
    }
    await host.rune("delete", "service", "web", "agent", "--yes");
    await assertNothingLeaked(host);
  },
});
