import assert from "node:assert/strict";
import { makeClass, makeService, makeVolume } from "../reconcile/testing/resources.ts";
import { sameValue } from "./changes.ts";
import { type CastKind, parseDeclared } from "./declared.ts";
import { templateOf } from "./instance.ts";
import { snapshotPolicyOf } from "./snapshot_policy_of.ts";

const hourly = { every: "1h", keep: 24 };
const daily = { every: "1d", keep: 7 };

function issuesOf(kind: CastKind, snapshotPolicy: unknown): string[] {
  const volume = { name: "a", size: "1Gi", accessMode: "ReadWriteOnce", snapshotPolicy };
  const body = kind === "volume" ? volume : { name: "a", driver: "local", snapshotPolicy };
  const result = parseDeclared(kind, body, { namespace: "default" });
  return "declared" in result
    ? []
    : result.issues.map(({ path, message, hint }) =>
      `${path.join(".")}: ${message}${hint === undefined ? "" : `; ${hint}`}`
    );
}

/** A policy, and its issue; none if it is accepted. */
const TABLE: [written: unknown, issues: string[]][] = [
  [hourly, []],
  [{ every: "1m", keep: 1 }, []],
  [{ every: "366d", keep: 1000 }, []],
  ["none", []],
  [{ every: "59s", keep: 1 }, [
    "snapshotPolicy.every: expected at least 1m, found 59s: the volume's writers are paused for each snapshot",
  ]],
  [{ every: "367d", keep: 1 }, ["snapshotPolicy.every: expected at most 366d, found 367d"]],
  [{ every: "often", keep: 1 }, [
    "snapshotPolicy.every: expected a duration: write a number and a unit: 500ms, 30s, 5m, 2h, 30d",
  ]],
  [{ every: "1h", keep: 0 }, ["snapshotPolicy.keep: expected at least 1, found 0"]],
  [{ every: "1h", keep: 1001 }, ["snapshotPolicy.keep: expected at most 1000, found 1001"]],
  [{ every: "1h", keep: 1.5 }, ["snapshotPolicy.keep: expected a whole number, found 1.5"]],
  [{ every: "1h" }, ["snapshotPolicy.keep: required: expected a number"]],
  [{ every: "1h", keep: 1, kep: 2 }, ['snapshotPolicy.kep: unknown field "kep"; did you mean "keep"?']],
  ["nine", ['snapshotPolicy: expected none, found "nine"; did you mean "none"?']],
];

Deno.test("a snapshot policy has bounds, and its issues name them", () => {
  for (const [written, issues] of TABLE) assert.deepEqual(issuesOf("volume", written), issues);
  assert.deepEqual(issuesOf("storageClass", hourly), []);
  assert.deepEqual(issuesOf("storageClass", "none"), ['snapshotPolicy: expected a map, found "none"']);
});

Deno.test("snapshotPolicyOf() is the volume's own, else its template's, else its class's; `none` disables it", () => {
  const service = (snapshotPolicy?: unknown, name = "web") =>
    makeService({
      volumes: [{
        name: "d",
        mountPath: "/d",
        claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce", snapshotPolicy },
      }],
    }, { name });
  const makeTemplateVolume = (fields = {}) =>
    makeVolume(fields, { name: "d-web-3", status: { ownerService: "web" } });
  const of = (volume = makeTemplateVolume(), from = service(), cls = makeClass({ snapshotPolicy: daily })) =>
    snapshotPolicyOf(volume, { service: from, class: cls });
  assert.deepEqual(of(), daily);
  assert.deepEqual(of(makeTemplateVolume(), service(hourly)), hourly);
  assert.deepEqual(of(makeTemplateVolume({ snapshotPolicy: daily }), service(hourly)), daily);
  assert.equal(of(makeTemplateVolume({ snapshotPolicy: "none" }), service(hourly)), undefined);
  assert.equal(of(makeTemplateVolume(), service("none")), undefined);
  assert.deepEqual(of(makeVolume(), service(hourly)), daily, "of another volume");
  assert.deepEqual(of(makeTemplateVolume(), service(hourly, "other")), daily, "of another service");
  assert.equal(snapshotPolicyOf(makeTemplateVolume(), { service: undefined, class: undefined }), undefined);
  const same = sameValue(templateOf(service(hourly).spec), templateOf(service().spec));
  assert.ok(same, "another policy replaces no instance");
});
