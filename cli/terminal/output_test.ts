import assert from "node:assert/strict";
import { aService, aVolume } from "../daemon_fixture.ts";
import { columnsOf } from "../describe/columns.ts";
import { type Column, renderBlock, renderYaml, Table } from "./output.ts";
import { createPainter, forTerminal } from "./paint.ts";
import { type Kind, KINDS } from "../../model/resource.ts";

const plain = createPainter(false);
const context = { now: Date.parse("2026-01-31T12:05:00.000Z"), host: "127.0.0.1" };

Deno.test("columnsOf() has exactly the documented columns", () => {
  const headers = (kind: Kind) => columnsOf(kind).filter((c) => !c.wide).map((c) => c.header).join(" ");
  assert.equal(headers("storageClass"), "NAME DRIVER DEFAULT RECLAIM AGE");
  assert.equal(headers("service"), "NAME TYPE STATUS INSTANCES EXTERNAL GENERATION AGE");
  assert.equal(headers("volume"), "NAME CLASS STATUS SIZE ACCESS AGE");
  assert.equal(headers("snapshot"), "NAME VOLUME STATUS SIZE AGE");
  assert.equal(headers("instance"), "NAME SERVICE STATE RESTARTS IP AGE");
});

Deno.test("columnsOf() puts the namespace first on request", () => {
  for (const kind of Object.keys(KINDS) as Kind[]) {
    assert.equal(columnsOf(kind, { withNamespace: true })[0]!.header, "NAMESPACE");
  }
});

Deno.test("the EXTERNAL column shows a host, an address with a port, or a dash", () => {
  const column = columnsOf("service").find((c) => c.header === "EXTERNAL")!;
  const show = (expose?: { port: number; host?: string; hostPort?: number }) =>
    column.cell(aService("web", { spec: { expose } }), context);
  assert.equal(show(), "-");
  assert.equal(show({ port: 80 }), "127.0.0.1:80");
  assert.equal(show({ port: 80, hostPort: 8080 }), "127.0.0.1:8080");
  assert.equal(show({ port: 80, host: "api.local" }), "api.local");
});

Deno.test("a volume's USED shows an enforced limit, no limit if there is none, and a dash if it is unknown", () => {
  const volume = aVolume("web-data");
  const show = (usage?: { usedBytes: number; limitBytes?: number }) => {
    const volumeUsage = new Map(usage ? [[volume.uid, usage]] : []);
    return renderBlock(columnsOf("volume"), volume, { context: { ...context, volumeUsage }, paint: plain });
  };
  assert.match(show({ usedBytes: 1.5 * 2 ** 30, limitBytes: 10 * 2 ** 30 }), /^USED: 1\.5Gi of 10Gi$/m);
  assert.match(show({ usedBytes: 4096 }), /^USED: 4Ki$/m);
  assert.match(show(), /^USED: -$/m);
});

Deno.test("Table aligns columns, omits wide ones and ends lines without spaces", async () => {
  const table = new Table(columnsOf("volume"), { paint: plain, wide: false, headers: true });
  assert.equal(
    await table.render([aVolume("web-data"), aVolume("x", { state: "Provisioning" })], context),
    "NAME       CLASS   STATUS         SIZE   ACCESS          AGE\n" +
      "web-data   local   Available      1Gi    ReadWriteOnce   5m\n" +
      "x          local   Provisioning   1Gi    ReadWriteOnce   5m\n",
  );
});

Deno.test("Table prints headers once, keeps widths, and none at all without headers", async () => {
  const columns: Column<{ name: string }, undefined>[] = [
    { header: "NAME", cell: (r) => r.name },
    { header: "B", cell: () => "b" },
  ];
  const table = new Table(columns, { paint: plain, wide: false, headers: true });
  assert.equal(await table.render([{ name: "longname" }], undefined), "NAME       B\nlongname   b\n");
  assert.equal(await table.render([{ name: "x" }], undefined), "x          b\n");
  const bare = new Table(columns, { paint: plain, wide: false, headers: false });
  assert.equal(await bare.render([{ name: "x" }], undefined), "x   b\n");
});

Deno.test("Table colours states only if colours are enabled, and pads before it paints", async () => {
  const columns: Column<string, undefined>[] = [
    { header: "STATUS", cell: (s) => s, state: true },
    { header: "Z", cell: () => "z" },
  ];
  const table = new Table(columns, { paint: createPainter(true), wide: false, headers: false });
  const text = forTerminal(await table.render(["Running", "Ok"], undefined));
  assert.equal(text, "\x1b[32mRunning\x1b[0m   z\nOk        z\n");
});

Deno.test("Table and renderBlock() remove control characters from values", async () => {
  const columns: Column<string, undefined>[] = [{ header: "MESSAGE", cell: (s) => s }];
  const evil = "a\x1b[2Jb\nc";
  const table = new Table(columns, { paint: plain, wide: false, headers: false });
  assert.equal(await table.render([evil], undefined), "a [2Jb c\n");
  assert.equal(renderBlock(columns, evil, { context: undefined, paint: plain }), "MESSAGE: a [2Jb c\n");
});

Deno.test("renderBlock() shows one resource as KEY: value lines, as the storage guide greps them", () => {
  const volume = aVolume("web-data", { state: "Bound" });
  const text = renderBlock(columnsOf("volume"), volume, { context, paint: plain });
  assert.match(text, /^STATUS: Bound$/m);
  assert.match(text, /^HANDLE: \/volumes\/web-data$/m);
});

Deno.test("renderYaml() writes shared parts twice, not as aliases", async () => {
  const shared = { a: 1 };
  assert.equal(await renderYaml({ x: shared, y: shared }), "x:\n  a: 1\n\y:\n  a: 1\n");
});

Deno.test("renderYaml() keeps the meaning when it escapes control characters", async () => {
  const { parse } = await import("yaml");
  const value = {
    plain: "a: b",
    block: "one\ntwo\n",
    evil: "\x1b[2J\x9b\u202e",
    "key\x9b": ["\r\n", "x\x7f"],
  };
  const text = forTerminal(await renderYaml(value));
  assert.deepEqual(parse(text), value);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
});

Deno.test("Table aligns columns as a terminal shows them: wide characters take two columns, combining ones none", async () => {
  const columns: Column<string[], typeof context>[] = [
    { header: "A", cell: ([a]) => a! },
    { header: "B", cell: ([, b]) => b! },
  ];
  const table = new Table(columns, { paint: plain, wide: false, headers: true });
  assert.deepEqual(
    (await table.render([["日本", "x"], ["e\u0301", "y"], ["plain", "z"]], context)).split("\n"),
    [
      "A       B",
      "日本    x",
      "e\u0301       y",
      "plain   z",
      "",
    ],
  );
});
