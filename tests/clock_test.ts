/**
 * Sets the clock forward and back by an hour, while the daemon runs and across a restart. Runs continue,
 * waits last as long as they should, nothing is purged, and everything is reported in the order in which it
 * happened. Only the daemon sees the changed time.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { fakeClock, noFakeClock } from "./fake_clock.ts";
import { type Host, startHost, until } from "./host.ts";
import { look, type Seen, send } from "./kills/world.ts";
import { assertNothingLeaked } from "./leaks.ts";
import { noDocker, noRoot } from "./skips.ts";
import { containerService, processService } from "./castfiles.ts";

const HOUR_S = 3600;

/** Passes while a file exists; checked every second. */
const probe = (file: string) =>
  `{ readiness: { type: exec, command: [test, -e, ${file}], intervalSeconds: 1, successThreshold: 2 } }`;
const rolling = "  scale: 2\n  update: { timeout: 10m, rollback: true }\n";
const CAST = [
  "volume: { name: kept, size: 1Gi, accessMode: ReadWriteOnce, reclaimPolicy: delete }\n",
  containerService("steady", `  health: ${probe("/etc/passwd")}\n`),
  processService("agent"),
  // Its second version becomes ready only on request.
  containerService("slow", rolling),
  // Waits for something that never comes.
  processService("never", `  health: ${probe("/nowhere")}\n`),
  processService(
    "patient",
    "  dependencies: [{ service: never, readyWhen: healthy, timeoutSeconds: 900 }]\n",
  ),
  // Ends again and again, with growing backoff.
  processService("failing", "", "exit 7"),
].join("---\n");

async function cast(host: Host, text: string): Promise<void> {
  await host.rune("cast", "--no-wait", await host.file("cast.yaml", text));
}

async function getNamed(host: Host, kind: "services" | "instances", name: string): Promise<Seen> {
  return (await look(host))[kind].find((r) => r.name === name)!;
}

/** What must not change: the existing runs. */
async function runs(host: Host): Promise<string[]> {
  const { instances } = await look(host);
  return instances.filter(({ spec }) => spec.service === "steady" || spec.service === "agent")
    .map(({ name, uid, status }) =>
      `${name} ${uid} ${status.run} ${status.handle} ${status.state} ${status.ready}`
    );
}

/** Waits until the probe of `steady` has passed a few more times. */
async function probesGoOn(host: Host): Promise<void> {
  const successes = async (): Promise<number> => {
    const answer = await fetch(`${host.daemon.url}/v1/namespaces/default/services/steady/health`);
    return (await answer.json()).checks[0].successes;
  };
  const before = await successes();
  await until("the probe is asked again", async () => await successes() >= before + 2);
}

/**
 * Waits until the failing service's next attempt is this many seconds ahead on the clock. @returns its last
 * run.
 */
function waitsToRetry(host: Host, ahead: number): Promise<number> {
  return until("it waits to be tried again", async () => {
    const { status } = await getNamed(host, "instances", "failing-0");
    const fromNow = Date.parse(status.nextAttemptAt) - (Date.now() + ahead * 1000);
    return status.state === "Failed" && fromNow > 500 && fromNow < 60_000 && status.run;
  });
}

async function nothingTimedOut(host: Host): Promise<void> {
  const patient = await getNamed(host, "instances", "patient-0");
  assert.deepEqual([patient.status.state, patient.status.reason], ["Pending", "DependencyNotReady"]);
  assert.match(patient.status.message, /^waits for default\/never/);
  const slow = await getNamed(host, "services", "slow");
  assert.equal(slow.generation, 2, "it was not rolled back");
  assert.doesNotMatch(slow.status.message ?? "", /goes no further/);
  const { items } = await (await fetch(`${host.daemon.url}/v1/trash`)).json();
  assert.deepEqual(items.map(({ name }: { name: string }) => name), ["kept"]);
}

/** A cast is carried out, a watch reports it, and it is the last in the list of events. */
async function castsGoOn(host: Host, name: string): Promise<void> {
  const abort = new AbortController();
  const stream = await fetch(`${host.daemon.url}/v1/services?watch=true`, { signal: abort.signal });
  const told = (async () => {
    let text = "";
    for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes(`"name":"${name}"`)) return true;
    }
  })();
  await cast(host, processService(name));
  await until(
    `${name} runs`,
    async () => (await getNamed(host, "services", name)).status.state === "Running",
  );
  assert.ok(await told);
  abort.abort();
  const events = (await host.get("events")).items as { spec: { object: { name: string }; reason: string } }[];
  const last = events.findLast(({ spec }) => !/^(failing|never|slow|patient)/.test(spec.object.name))!;
  assert.equal(last.spec.object.name.replace(/-0$/, ""), name);
}

/** Makes the second version of `slow` ready, wherever it runs. */
async function finishRollout(host: Host): Promise<void> {
  await until("the rollout ends", async () => {
    const { instances, services } = await look(host);
    const waiting = instances.filter((i) =>
      i.spec.service === "slow" && i.spec.serviceGeneration === 2 && i.status.state === "Running" &&
      !i.status.ready
    );
    for (const { name } of waiting) await host.run(["exec", name, "--", "touch", "/tmp/ready"]);
    return services.find(({ name }) => name === "slow")!.status.updated === 2;
  });
}

for (const [direction, seconds] of [["forward", HOUR_S], ["back", -HOUR_S]] as const) {
  Deno.test({
    name: `the clock put ${direction} by an hour stops, restarts, times out and purges nothing`,
    ignore: noDocker || noRoot || noFakeClock,
    async fn() {
      await ensureTestImage();
      await using clock = await fakeClock();
      await using host = await startHost({ env: clock.env });
      await cast(host, CAST);
      await until("what can run runs", async () => {
        const { services } = await look(host);
        const state = (name: string) => services.find((s) => s.name === name)!.status.state;
        return ["steady", "agent", "slow"].every((name) => state(name) === "Running");
      });
      await send(host, { method: "DELETE", path: "/v1/namespaces/default/volumes/kept" });
      await cast(host, containerService("slow", `${rolling}  health: ${probe("/tmp/ready")}\n`));
      await until("the rollout is under way", async () => {
        const next = await getNamed(host, "instances", "slow-1-next");
        return next?.status.state === "Running";
      });
      const before = await runs(host);
      const goesOn = async (name: string) => {
        await until("everything is known to run", async () => `${await runs(host)}` === `${before}`);
        await probesGoOn(host);
        await castsGoOn(host, name);
        await nothingTimedOut(host);
        assert.deepEqual(await runs(host), before);
      };

      await clock.set(seconds);
      await goesOn("meanwhile");
      for (const [name, ahead] of [["set-back", 0], ["set-again", seconds]] as const) {
        const run = await waitsToRetry(host, seconds - ahead);
        await host.daemon.stop("SIGKILL");
        await clock.set(ahead);
        await host.restart();
        await until("it is tried again", async () => {
          return (await getNamed(host, "instances", "failing-0")).status.run > run;
        });
        await goesOn(name);
      }
      await finishRollout(host);
      await host.rune("delete", "service", ...(await look(host)).services.map(({ name }) => name), "--yes");
      await assertNothingLeaked(host);
    },
  });
}
