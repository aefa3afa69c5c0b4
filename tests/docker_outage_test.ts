/**
 * Outages of the Docker Engine: stopped with its containers, killed beside them, and with the daemon
 * restarted meanwhile. Each test has its own Engine. `RUNE_OUTAGE_SECONDS` sets the length (default 5).
 * @module
 */
import assert from "node:assert/strict";
import { processService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { putService } from "./kills/operations.ts";
import { assertOneWriter, look, type Seen, send } from "./kills/world.ts";
import { assertNothingLeaked } from "./leaks.ts";
import { makePrivateEngine } from "./private_engine.ts";
import { noDocker, noRoot } from "./skips.ts";

const OUTAGE_MS = Number(Deno.env.get("RUNE_OUTAGE_SECONDS") ?? 5) * 1000;

interface Outage {
  what: string;
  signal: "SIGTERM" | "SIGKILL";
  /** Containers outlive the Engine, and it adopts them again. */
  keepsContainers: boolean;
  daemon?: "restarted meanwhile";
}

const OUTAGES: Outage[] = [
  { what: "stopped with its containers, and started again", signal: "SIGTERM", keepsContainers: false },
  {
    what: "stopped, and started again after the daemon was killed",
    signal: "SIGTERM",
    keepsContainers: false,
    daemon: "restarted meanwhile",
  },
  { what: "killed beside its containers, and started again", signal: "SIGKILL", keepsContainers: true },
  {
    what: "killed, and started again after the daemon was killed",
    signal: "SIGKILL",
    keepsContainers: true,
    daemon: "restarted meanwhile",
  },
];

const cast = async (host: Host, version: string, name: "web" | "front") => {
  const answer = await send(host, putService(name, { version, marker: "none", scale: 2 }));
  assert.ok(answer?.ok, answer?.text);
};

/** What must be the same after the outage, including the run if the containers kept running. */
const identity = ({ name, uid, status }: Seen, { run }: { run: boolean }) =>
  `${name} ${uid} ${run ? `${status.run} ${status.handle} ${status.restarts}` : ""}`;

async function service(host: Host, name: string): Promise<Seen> {
  return (await look(host)).services.find((s) => s.name === name)!;
}

function listRunning(host: Host, name: string): Promise<Seen[]> {
  return until(`${name} runs`, async () => {
    const { services, instances } = await look(host);
    const { status, spec } = services.find((s) => s.name === name)!;
    const own = instances.filter((i) => i.spec.service === name);
    return status.ready === spec.scale && own.every((i) => i.status.state === "Running") && own;
  });
}

/** Identifies the default bridge of the machine's own Engine, to notice a new one; "" if there is none. */
const machinesBridge = () => Deno.readTextFile("/sys/class/net/docker0/ifindex").catch(() => "");

for (const { what, signal, keepsContainers, daemon } of OUTAGES) {
  Deno.test({
    name: `the Docker Engine ${what}: each instance runs on its own volume, once`,
    ignore: noDocker || noRoot,
    async fn() {
      const bridge = await machinesBridge();
      await using engine = await makePrivateEngine();
      await engine.start({ keepsContainers });
      await using host = await startHost({ runefile: `docker: { socket: ${engine.socket} }\n` });
      await cast(host, "v1", "web");
      const before = await listRunning(host, "web");
      await host.rune("cast", await host.file("p.yaml", processService("agent")));
      const [agent] = await listRunning(host, "agent");

      await engine.stop(signal);
      const back = performance.now() + OUTAGE_MS;
      if (daemon) {
        await host.daemon.stop("SIGKILL");
        await host.restart();
      }
      await cast(host, "v1", "front");
      const waiting = await until("the service says why it waits", async () => {
        const { status } = await service(host, "front");
        return status.reason === "RunnerUnavailable" && status;
      });
      assert.match(waiting.message, /Docker cannot be reached/);
      await host.rune("cast", await host.file("q.yaml", processService("another")));
      await listRunning(host, "another");
      assert.equal((await listRunning(host, "agent"))[0]!.status.pid, agent!.status.pid);
      await until("all that ended with it say why they wait", async () => {
        const own = (await look(host)).instances.filter((i) => i.spec.service === "web");
        return own.every(({ status }) => keepsContainers || status.reason === "RunnerUnavailable");
      });
      const states = async () => (await look(host)).instances.map(({ status }) => status.state);
      while (performance.now() < back) {
        assert.ok(!(await states()).some((state) => state === "Stalled"), `${await states()}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }

      await engine.start({ keepsContainers });
      const after = await until("everything runs again", async () => {
        const list = await listRunning(host, "web");
        const known = list.map(({ status }) => status.handle);
        return (keepsContainers || !before.some((i) => known.includes(i.status.handle))) && list;
      });
      const how = { run: keepsContainers };
      assert.deepEqual(after.map((i) => identity(i, how)), before.map((i) => identity(i, how)));
      for (const { status } of after) {
        assert.ok(
          status.restarts <= 1 && status.crashes <= 1 && status.launchFailures === 0,
          JSON.stringify(status),
        );
        assert.equal(status.reason, undefined);
      }
      await listRunning(host, "front");
      await assertNothingLeaked(host, { socket: engine.socket });
      await assertOneWriter(host);
      const gone = ["web", "front", "agent", "another"];
      await host.rune("delete", "service", ...gone, "--yes", "--cascade");
      await assertNothingLeaked(host, { socket: engine.socket });
      assert.equal(await machinesBridge(), bridge, "the machine's own Engine is left alone");
    },
  });
}
