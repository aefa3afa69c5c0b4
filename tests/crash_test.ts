/** Tests that containers, processes, the daemon and the Engine come back after they die. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { openEngine } from "../scripts/engine.ts";
import { allowPath, containerService, hostVolume, processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { assertNothingLeaked } from "./leaks.ts";
import { noDocker, noRoot } from "./skips.ts";

interface Seen {
  name: string;
  uid: string;
  status: { state: string; handle: string; restarts: number; pid?: number; ready: boolean; reason?: string };
}

async function instances(host: Host): Promise<Seen[]> {
  return (await host.get("instances")).items;
}

/** The instance's next running run, other than `before`. */
function replacement(host: Host, before: Seen): Promise<Seen> {
  return until(
    `${before.name} runs again`,
    async () =>
      (await instances(host)).find((i) =>
        i.name === before.name && i.status.state === "Running" && i.status.handle !== before.status.handle
      ),
  );
}

const makeClaiming = (name: string) =>
  `  volumes:\n    - { name: d, mountPath: /data, claim: { name: ${name} } }\n`;
const volume = (name: string) => `volume: { name: ${name}, size: 1Gi, accessMode: ReadWriteOnce }\n---\n`;

Deno.test({
  name: "a killed container is replaced at once: same ordinal, same instance, same volume",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    await host.rune(
      "cast",
      await host.file("c.yaml", volume("v") + containerService("web", makeClaiming("v"))),
    );
    await host.rune("exec", "web", "--", "sh", "-c", "echo kept > /data/f");
    const [before] = await instances(host);
    const engine = openEngine();
    const killedAt = Date.now();
    await engine.call(`POST /containers/${before!.status.handle}/kill`);
    engine.close();
    const after = await replacement(host, before!);
    assert.ok(Date.now() - killedAt < 20_000, "no timer of the daemon is this short and this long at once");
    assert.deepEqual([after.uid, after.status.restarts], [before!.uid, 1]);
    assert.equal(await host.rune("exec", "web", "--", "cat", "/data/f"), "kept\n");
    assert.equal((await host.get("volume", "v")).status.boundClaim, "default/web-0");
    await assertNothingLeaked(host);
  },
});

Deno.test({
  name: "a process killed with SIGKILL is replaced at once, on the same directory",
  ignore: noRoot,
  async fn() {
    const shared = await Deno.makeTempDir({ prefix: "rune-test-host-" });
    try {
      await using host = await startHost({ runefile: allowPath(shared) });
      const text = hostVolume("shared", shared) +
        processService("agent", makeClaiming("shared"), `echo $$ >> /data/starts; while :; do sleep 1; done`);
      await host.rune("cast", await host.file("agent.yaml", text));
      const [before] = await instances(host);
      Deno.kill(before!.status.pid!, "SIGKILL");
      const after = await replacement(host, before!);
      assert.deepEqual([after.uid, after.status.restarts], [before!.uid, 1]);
      await until(
        "both starts wrote to the one directory",
        async () => (await Deno.readTextFile(`${shared}/starts`)).trim().split("\n").length === 2,
      );
      await assertNothingLeaked(host);
    } finally {
      await Deno.remove(shared, { recursive: true });
    }
  },
});

Deno.test({
  name: "a killed daemon's successor adopts every run, restarts none and leaks none",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const text = volume("v") + containerService("web", makeClaiming("v")) + "---\n" +
      containerService("many", "  scale: 3\n") + "---\n" + processService("agent", "  scale: 3\n");
    await host.rune("cast", await host.file("all.yaml", text));
    const key = (list: Seen[]) =>
      list.map(({ name, uid, status }) =>
        `${name} ${uid} ${status.handle} ${status.restarts} ${status.state}`
      );
    const before = key(await instances(host));
    assert.equal(before.length, 7);
    for (let round = 0; round < 2; round++) {
      await host.daemon.stop("SIGKILL");
      await host.restart();
      await until(
        "every instance is known to run",
        async () => (await instances(host)).every((i) => i.status.state === "Running"),
      );
      assert.deepEqual(key(await instances(host)), before);
    }
    await host.rune("delete", "service", "web", "--yes");
    await host.rune("delete", "service", "many", "--yes");
    await host.rune("delete", "service", "agent", "--yes");
    await assertNothingLeaked(host);
  },
});

Deno.test({
  name: "a container without its network after a daemon died gets its name back without a restart",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    await host.rune(
      "cast",
      await host.file("c.yaml", containerService("web") + "---\n" + containerService("client")),
    );
    const finds = async () => (await host.run(["exec", "client", "--", "nslookup", "web"])).code === 0;
    await until("the name is answered", finds);
    const before = (await instances(host)).find((i) => i.name === "web-0")!;
    // Changing names means leaving the network and joining it again: the state of a daemon that dies in
    // between.
    await host.daemon.stop("SIGKILL");
    const engine = openEngine();
    const container = await engine.call(`GET /containers/${before.status.handle}/json`) as {
      NetworkSettings: { Networks: Record<string, unknown> };
    };
    for (const network of Object.keys(container.NetworkSettings.Networks)) {
      await engine.call(`POST /networks/${network}/disconnect`, { Container: before.status.handle });
    }
    engine.close();
    await host.restart();
    await until("the name is answered again", finds);
    const after = (await instances(host)).find((i) => i.name === "web-0")!;
    assert.deepEqual([after.status.handle, after.status.restarts], [before.status.handle, 0]);
  },
});

Deno.test({
  name: "a daemon killed in the middle of a cast continues it, and no ordinal ever runs twice",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const mounts =
      "  scale: 4\n  volumes:\n    - { name: d, mountPath: /data, claimTemplate: { size: 1Gi, accessMode: ReadWriteOnce } }\n";
    const castfile = await host.file("c.yaml", containerService("db", mounts));
    await host.rune("cast", "--no-wait", castfile);
    for (let round = 0; round < 4; round++) {
      await host.daemon.stop("SIGKILL");
      await host.restart();
    }
    const running = await until("all four run", async () => {
      const all = await instances(host);
      return all.length === 4 && all.every((i) => i.status.state === "Running") && all;
    });
    const engine = openEngine();
    const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${host.daemonId}`] }));
    const containers = await engine.call(`GET /containers/json?filters=${filters}`) as { Id: string }[];
    engine.close();
    assert.deepEqual(containers.map((c) => c.Id).sort(), running.map((i) => i.status.handle).sort());
    await assertNothingLeaked(host);
  },
});

Deno.test({
  name:
    "without Docker the daemon and processes run, and containers say why they wait and start once Docker is there",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    const dir = await Deno.makeTempDir({ prefix: "rune-test-sock-" });
    const socket = `${dir}/docker.sock`;
    try {
      await using host = await startHost({ runefile: `docker: { socket: ${socket} }\n` });
      await host.rune("cast", await host.file("p.yaml", processService("agent")));
      await host.rune("cast", "--no-wait", await host.file("c.yaml", containerService("web")));
      const waiting = await until("the service says why it waits", async () => {
        const { status } = await host.get("service", "web");
        return status.reason === "RunnerUnavailable" && status;
      });
      assert.match(waiting.message, /docker/i);
      assert.equal((await host.get("service", "agent")).status.state, "Running");
      await Deno.symlink("/var/run/docker.sock", socket);
      await until(
        "the container runs",
        async () => (await host.get("service", "web")).status.state === "Running",
      );
      await host.rune("delete", "service", "web", "--yes");
      await assertNothingLeaked(host);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
