import assert from "node:assert/strict";
import type { LogEntry, RunState } from "../../runners/runner.ts";
import { runsToKeep } from "./keep_last.ts";
import { type KeptLimits, type KeptLog, KeptLogs } from "./kept_logs.ts";

const log = (more: Partial<KeptLog> = {}): KeptLog => ({
  serviceUid: "s1",
  instance: "web-0",
  ordinal: 0,
  instanceUid: "i1",
  run: 1,
  generation: 1,
  endedAt: "2030-01-01T00:00:00Z",
  how: "stopped",
  ...more,
});

async function* printTexts(...texts: string[]): AsyncGenerator<LogEntry> {
  for (const text of texts) yield { stream: "stdout", text };
}

async function withKept(
  test: (kept: KeptLogs, root: string) => Promise<void>,
  limits?: KeptLimits,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "rune-kept-" });
  try {
    await test(new KeptLogs(root, limits), root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const texts = async (kept: KeptLogs, of: KeptLog) => (await kept.read(of)).map(({ text }) => text);

Deno.test("KeptLogs keep the last output per name, also for the next daemon, and remove it with its service", () =>
  withKept(async (kept, root) => {
    await kept.keep(log(), printTexts("old"));
    await kept.keep(log({ run: 2, endedAt: "2030-01-01T00:00:01Z" }), printTexts("one", "two"));
    await kept.keep(log({ step: "migrate" }), printTexts("step"));
    await kept.keep(log({ serviceUid: "s2" }), printTexts("another's"));
    const next = new KeptLogs(root);
    assert.deepEqual((await next.list("s1")).map(({ run, step }) => [run, step]), [[2, undefined], [
      1,
      "migrate",
    ]]);
    assert.deepEqual(await texts(next, log()), ["one", "two"]);
    assert.equal((await Deno.stat(`${root}/s1`)).mode! & 0o777, 0o700);
    assert.equal((await Deno.stat(`${root}/s1/web-0.jsonl`)).mode! & 0o777, 0o600);
    await next.forget("s1");
    await next.forget("s1");
    assert.deepEqual(await next.list("s1"), []);
    assert.deepEqual(await texts(next, log({ serviceUid: "s2" })), ["another's"]);
    assert.equal(await next.sweep((uid) => uid !== "s2"), 1);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(root)), []);
  }));

Deno.test("KeptLogs keep the end of a long output, and record that it was cut", () =>
  withKept(async (kept) => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
    await kept.keep(log(), printTexts(...lines));
    const [found] = await kept.list("s1");
    const left = await texts(kept, found!);
    assert.equal(found?.cut, true);
    assert.ok(left.length > 100 && left.length < 1_000, `${left.length}`);
    assert.deepEqual(left, lines.slice(-left.length));
  }, { run: 30_000, total: 1e9 }));

Deno.test("KeptLogs have a total limit, and remove the oldest first", () =>
  withKept(async (kept, root) => {
    for (let n = 0; n < 20; n++) {
      await kept.keep(log({ instance: `web-${n}` }), printTexts("x".repeat(1_000)));
    }
    let size = 0;
    for await (const { name } of Deno.readDir(`${root}/s1`)) {
      size += (await Deno.stat(`${root}/s1/${name}`)).size;
    }
    assert.ok(size <= 10_000, `${size} bytes`);
    assert.deepEqual(await texts(kept, log({ instance: "web-0" })), []);
    assert.equal((await texts(kept, log({ instance: "web-19" }))).length, 1);
  }, { run: 10_000, total: 10_000 }));

Deno.test("KeptLogs remove partial files of a killed daemon", () =>
  withKept(async (kept, root) => {
    await Deno.mkdir(`${root}/s1`);
    await Deno.writeTextFile(`${root}/s1/web-0.jsonl.i1`, "half");
    await kept.keep(log({ instance: "web-1" }), printTexts("whole"));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(`${root}/s1`), ({ name }) => name), ["web-1.jsonl"]);
  }));

Deno.test("runsToKeep() picks the last main run that ran, and the last attempt at each step of the latest run", () => {
  const run = (run: number, state: RunState["state"], step?: string): RunState => ({
    instanceUid: "i",
    run,
    state,
    ...(step !== undefined && { step }),
  });
  const kept = runsToKeep([
    run(3, "created"),
    run(2, "exited"),
    run(1, "exited"),
    run(3, "exited", "migrate.9"),
    run(3, "exited", "migrate.10"),
    run(2, "exited", "keys.1"),
    run(3, "created", "keys.2"),
  ]);
  assert.deepEqual(kept.map(({ run, step }) => [run, step]), [[2, undefined], [3, "migrate.10"]]);
});
