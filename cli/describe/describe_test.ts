import assert from "node:assert/strict";
import { anInstance, aService, aVolume } from "../daemon_fixture.ts";
import { columnsOf } from "./columns.ts";
import { createPainter } from "../terminal/paint.ts";
import { formatLines, shellWords } from "./sections.ts";
import { describeInstance } from "./instance.ts";
import { describeService } from "./service.ts";
import { describeVolume, usersOf } from "./volume.ts";

const context = {
  now: Date.parse("2026-01-31T12:05:00.000Z"),
  host: "127.0.0.1",
  paint: createPainter(false),
};
const mount = { mountPath: "/data", readOnly: false, subPath: "" };

Deno.test("formatLines() aligns values and omits unknown ones", () => {
  assert.equal(
    formatLines([["Name", "web"], ["Generation", 2], ["Image", undefined], ["Labels", ""]]),
    "Name:        web\nGeneration:  2\n",
  );
});

Deno.test("shellWords() quotes what a shell would split", () => {
  assert.equal(shellWords(["sh", "-c", "echo 'a b'"]), "sh -c 'echo '\\''a b'\\'''");
});

Deno.test("describeService() shows its state, mounts and instances", async () => {
  const service = aService("web", {
    spec: { scale: 2, volumes: [{ ...mount, name: "data", claim: { name: "web-data" } }] },
    status: { state: "Degraded", reason: "CrashLoop", message: "web-1: it exited" },
  });
  const text = await describeService(service, { context, instances: [anInstance("web", 0)] });
  assert.match(text, /^Status: +Degraded \(CrashLoop\): web-1: it exited$/m);
  assert.match(text, /^Instances: +1 ready of 2, 1 up to date$/m);
  assert.match(text, /^Mounts:\n {2}\/data {2}volume web-data$/m);
  assert.match(text, /^ {2}web-0 +web +Running/m);
});

Deno.test("describeVolume() shows the failure and what to do about it", () => {
  const volume = aVolume("data", { state: "Stalled", failureMessage: "refused", failureHint: "allow it" });
  const text = describeVolume(volume, { context, services: [] });
  assert.match(text, /^Status: +Stalled: refused$/m);
  assert.match(text, /^What to do: +allow it$/m);
  assert.match(text, /^When deleted: +data is kept \(retain\)$/m);
});

Deno.test("describeVolume() shows since when an attached volume is unmounted", () => {
  const volume = aVolume("data", { boundNode: "n1", unmountedAt: "2026-01-31T12:00:00.000Z" });
  const text = describeVolume(volume, { context, services: [] });
  assert.match(text, /^Node: +n1\nUnmounted: +5m ago \(2026-01-31T12:00:00.000Z\)$/m);
});

Deno.test("describeVolume() shows what its snapshot policy did and does next", () => {
  const volume = aVolume("data", {
    snapshots: {
      policy: { every: "1h", keep: 24 },
      last: { name: "data-auto-1", at: "2026-01-31T12:00:00.000Z" },
      failureMessage: "no room",
      nextAt: "2026-01-31T13:00:00.000Z",
    },
  });
  const text = describeVolume(volume, { context, services: [] });
  assert.match(text, /^Snapshots: +every 1h, the newest 24 are kept$/m);
  assert.match(text, /^Last snapshot: +data-auto-1, 5m ago \(2026-01-31T12:00:00.000Z\)$/m);
  assert.match(text, /^Snapshot failed: +no room\nNext snapshot: +2026-01-31T13:00:00.000Z$/m);
  const row = (header: string) => columnsOf("volume").find((c) => c.header === header)!.cell(volume, context);
  assert.deepEqual(
    ["SNAPSHOTS", "LAST SNAPSHOT", "NEXT SNAPSHOT"].map(row),
    ["every 1h, keep 24", "5m ago", "in 55m"],
  );
});

Deno.test("usersOf() finds claims, even from other namespaces, and claim templates", () => {
  const makeClaimingService = (name: string, namespace: string, ref: string) =>
    aService(name, { namespace, spec: { volumes: [{ ...mount, name: "d", claim: { name: ref } }] } });
  const claimTemplate = { size: "1Gi", accessMode: "ReadWriteOnce" as const, parameters: {} };
  const services = [
    makeClaimingService("near", "default", "d-db-0"),
    makeClaimingService("far", "prod", "d-db-0.default.rune"),
    makeClaimingService("other", "prod", "d-db-0"),
    aService("db", { spec: { volumes: [{ ...mount, name: "d", claimTemplate }] } }),
  ];
  assert.deepEqual(usersOf(aVolume("d-db-0"), services), [
    "default/near at /data",
    "prod/far at /data",
    "default/db at /data",
  ]);
});

Deno.test("describeInstance() shows the last failure with its exit code", () => {
  const lastFailure = {
    at: "2026-01-31T12:04:00.000Z",
    reason: "CrashLoop",
    message: "it exited",
    exitCode: 3,
  } as const;
  const text = describeInstance(anInstance("web", 0, { status: { lastFailure } }), context);
  assert.match(text, /^Last failure: +CrashLoop: it exited, exit code 3, 60s ago/m);
});
