import assert from "node:assert/strict";
import { aService, aVolume } from "../daemon_fixture.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { fateOfData, parseDeleteWords } from "./delete.ts";

Deno.test("parseDeleteWords() reads a single word as a service, even if it is a kind", () => {
  const read = (...words: string[]) => {
    const { kind, names } = parseDeleteWords(words);
    return `${kind.kind} ${names.join(",")}`;
  };
  assert.equal(read("web"), "service web");
  assert.equal(read("volume"), "service volume");
  assert.equal(read("vol", "a", "b"), "volume a,b");
});

Deno.test("parseDeleteWords() refuses unknown kinds and those that Rune removes itself", () => {
  for (const words of [["web", "api"], ["instance", "web-0"], ["events", "x"]]) {
    assert.throws(() => parseDeleteWords(words), UsageError);
  }
  assert.throws(() => parseDeleteWords(["web", "api"]), { hint: /rune service delete web api$/ });
});

Deno.test("fateOfData() says what happens to the data", () => {
  const volume = aVolume("data");
  assert.equal(fateOfData(volume), "its data at /volumes/data is kept (reclaim policy retain)");
  const deleted = { ...volume, spec: { ...volume.spec, reclaimPolicy: "delete" as const } };
  assert.match(fateOfData(deleted)!, /is deleted \(reclaim policy delete\)/);
  assert.match(fateOfData(deleted, { now: true })!, /without going to the trash/);
  assert.equal(fateOfData(aService("web"), { cascade: true }), undefined);
  const mount = { name: "data", mountPath: "/data", readOnly: false, subPath: "" };
  const claimTemplate = { size: "1Gi", accessMode: "ReadWriteOnce" as const, parameters: {} };
  const stateful = aService("db", { spec: { volumes: [{ ...mount, claimTemplate }] } });
  assert.match(fateOfData(stateful)!, /are kept/);
  assert.match(fateOfData(stateful, { cascade: true })!, /deleted too/);
  const claiming = aService("web", { spec: { volumes: [{ ...mount, claim: { name: "data" } }] } });
  assert.match(fateOfData(claiming)!, /are kept$/);
  assert.match(
    fateOfData(claiming, { cascade: true })!,
    /are kept: --cascade is for those of claim templates/,
  );
});
