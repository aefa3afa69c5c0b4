import assert from "node:assert/strict";
import type { AuditRecord } from "../../model/identity.ts";
import { openAudit } from "./audit.ts";

const ALL = { denied: false, limit: 10_000 };
const record = (n: number, more: Partial<AuditRecord> = {}) => ({
  at: new Date(n * 1000).toISOString(),
  requestId: `r${n}`,
  user: "alice",
  address: "127.0.0.1",
  method: "PUT",
  path: `/p${n}`,
  ...more,
});

async function withDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rune-audit-" });
  try {
    await test(`${dir}/audit`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const fails = {
  onFailure(error: unknown) {
    throw error;
  },
};

Deno.test("openAudit() keeps what began and did not end, joins the two lines of what did, and survives a cut line", () =>
  withDir(async (dir) => {
    let audit = openAudit(dir, fails);
    const end = audit.begin(record(1));
    audit.begin(record(2));
    end({ outcome: "ok", status: 200 });
    await audit.close();
    await Deno.writeTextFile(`${dir}/audit.log`, '{"at":"20', { append: true });
    audit = openAudit(dir, fails);
    audit.record({ ...record(3), outcome: "denied", status: 403 });
    const found = await audit.read(ALL);
    await audit.close();
    assert.deepEqual(found.map((r) => [r.requestId, r.outcome]), [["r1", "ok"], ["r2", "begun"], [
      "r3",
      "denied",
    ]]);
    assert.equal((await Deno.stat(`${dir}/audit.log`)).mode! & 0o777, 0o600);
  }));

Deno.test("openAudit() is bounded: files shift and the oldest goes", () =>
  withDir(async (dir) => {
    const audit = openAudit(dir, { ...fails, fileBytes: 1000 });
    for (let n = 0; n < 100; n++) audit.record({ ...record(n), outcome: "ok" });
    const files = (await Array.fromAsync(Deno.readDir(dir))).map((f) => f.name).sort();
    const found = await audit.read(ALL);
    await audit.close();
    assert.deepEqual(files, ["audit.log", "audit.log.1", "audit.log.2", "audit.log.3", "audit.log.4"]);
    assert.equal(found.at(-1)!.requestId, "r99");
    assert.ok(found.length < 40 && found.length > 10, String(found.length));
  }));

Deno.test("read() filters by time, user and refusal, and gives the last so many", () =>
  withDir(async (dir) => {
    const audit = openAudit(dir, fails);
    for (let n = 0; n < 10; n++) {
      audit.record({ ...record(n, { user: n % 2 ? "alice" : "bob" }), outcome: n % 3 ? "ok" : "denied" });
    }
    const ids = async (filter: object) =>
      (await audit.read({ ...ALL, ...filter })).map((r) => r.requestId).join(" ");
    assert.equal(await ids({ since: new Date(7000).toISOString() }), "r7 r8 r9");
    assert.equal(await ids({ denied: true, user: "alice" }), "r3 r9");
    assert.equal(await ids({ limit: 2 }), "r8 r9");
    await audit.close();
  }));

Deno.test("openAudit() brings what it wrote to the disk soon, once for many records, and before it closes a file", () =>
  withDir(async (dir) => {
    const { syncData, syncDataSync } = Deno.FsFile.prototype;
    const synced = Promise.withResolvers<void>();
    let later = 0, atOnce = 0;
    Deno.FsFile.prototype.syncData = function () {
      later++;
      synced.resolve();
      return syncData.call(this);
    };
    Deno.FsFile.prototype.syncDataSync = function () {
      atOnce++;
      syncDataSync.call(this);
    };
    try {
      const audit = openAudit(dir, fails);
      for (let n = 0; n < 50; n++) audit.record({ ...record(n), outcome: "ok" });
      await synced.promise;
      await audit.close();
      assert.deepEqual([later, atOnce], [1, 1]);
    } finally {
      Object.assign(Deno.FsFile.prototype, { syncData, syncDataSync });
    }
  }));

Deno.test("follow() holds a bounded number of bytes for a reader that is behind, then ends it and says so", () =>
  withDir(async (dir) => {
    const audit = openAudit(dir, fails);
    const reader = audit.follow(ALL, new AbortController().signal)[Symbol.asyncIterator]();
    const first = reader.next();
    for (let n = 0; n < 5000; n++) {
      audit.record({ ...record(n, { path: `/${"x".repeat(2000)}` }), outcome: "ok" });
    }
    assert.equal((await first).value.requestId, "r0");
    let held = 0;
    await assert.rejects(async () => {
      for (;;) held += JSON.stringify((await reader.next()).value).length;
    }, { code: "unavailable", hint: /--since 1970/ });
    await audit.close();
    assert.ok(held > 100_000 && held < 1024 * 1024, String(held));
  }));

Deno.test("openAudit() keeps a bounded part of a text that the caller chose", () =>
  withDir(async (dir) => {
    const audit = openAudit(dir, fails);
    const end = audit.begin(record(1, { path: `/${"p".repeat(100_000)}` }));
    end({ outcome: "ok", what: "w".repeat(100_000) });
    const [found] = await audit.read(ALL);
    await audit.close();
    assert.ok(found!.path.length < 3000 && found!.what!.length < 3000);
    assert.ok((await Deno.stat(`${dir}/audit.log`)).size < 10_000);
  }));
