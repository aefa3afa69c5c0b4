/**
 * Tests what users see: tables, events, status, descriptions, logs of several instances, use of CPU and
 * memory.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService, processService, SLEEP } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

interface Event {
  spec: { reason: string; count: number; type: string; object: { name: string } };
}

Deno.test("get services, events, status, describe and logs show what happened, in the documented format", async () => {
  await using host = await startHost();
  await host.rune(
    "cast",
    await host.file("two.yaml", processService("talk", "  scale: 2\n", `echo "I am $RANDOM"; ${SLEEP}`)),
  );
  await host.rune(
    "cast",
    await host.file("bad.yaml", processService("bad", "  restart: always\n", "exit 3")),
    "--no-wait",
  );

  const [header, , talk] = (await host.rune("get", "services")).split("\n");
  assert.deepEqual(header!.split(/ {2,}/), [
    "NAME",
    "TYPE",
    "STATUS",
    "INSTANCES",
    "EXTERNAL",
    "GENERATION",
    "AGE",
  ]);
  assert.match(talk!, /^talk +process +Running +2\/2 +- +1 +\d+s$/);

  const exits = await until("repeated exits are counted in one event", async () => {
    const events = (await host.get("events")).items as Event[];
    const exits = events.filter(({ spec }) => spec.reason === "Exited" && spec.object.name === "bad-0");
    return exits.some(({ spec }) => spec.count >= 3) && exits;
  });
  assert.equal(exits.length, 1);
  assert.equal(exits[0]!.spec.type, "Warning");
  assert.match(await host.rune("events", "--for", "instance/bad-0", "-o", "wide"), /Exited .* [3-9]/);

  const status = await host.rune("status");
  assert.match(status, /NAMESPACE +SERVICES +READY +VOLUMES\ndefault +.*1 Running.* 2\/3 +none/);
  assert.match(
    status,
    /recent warnings:\n(.*\n)* .* ago {2}default instance\/bad-0 Exited: it exited with code 3 \(\d+ times\)/,
  );
  const described = await host.rune("describe", "service", "bad");
  assert.match(described, /Status: +\w+ \(CrashLoop\): bad-0: it exited with code 3, and printed nothing/);
  assert.match(described, /Events:\n(.*\n)+.*Exited/);

  const lines = (await host.rune("logs", "talk")).trim().split("\n").sort();
  assert.deepEqual(lines.map((line) => line.replace(/ I am.*/, "")), ["talk-0", "talk-1"]);
  assert.equal((await host.rune("logs", "talk-1")).split("\n").length, 2, "one instance has no prefix");
  assert.equal(await host.rune("logs", "talk", "--grep", "nothing like it"), "");
  assert.equal(await host.rune("logs", "talk", "--until", "1h"), "");
  assert.equal((await host.rune("logs", "talk", "--since", "1h")).trim().split("\n").length, 2);
});

for (
  const { kind, ignore, cast } of [
    { kind: "container", ignore: noDocker || noRoot, cast: containerService },
    { kind: "process", ignore: noRoot, cast: processService },
  ]
) {
  Deno.test({
    name: `get instances -o wide shows the CPU and memory of a ${kind} that is busy`,
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      await host.rune("cast", await host.file("busy.yaml", cast("busy", "  stopTimeout: 1s\n")));
      // This loop ends with the test's daemon, because exec sessions do.
      const burn = host.run([
        "exec",
        "busy",
        "--",
        "sh",
        "-c",
        "i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done",
      ]);
      await until("it is seen to be busy", async () => {
        const wide = await host.rune("get", "instances", "-o", "wide");
        const [header, row] = wide.split("\n").map((line) => line.split(/ {2,}/));
        const cell = (name: string) => row![header!.indexOf(name)]!;
        return Number(/^(\d+)m$/.exec(cell("CPU"))?.[1]) > 100 && /^[\d.]+[KMG]i$/.test(cell("MEMORY"));
      });
      await host.rune("delete", "busy", "--yes");
      await burn;
    },
  });
}
