import assert from "node:assert/strict";
import { join } from "node:path";
import v8 from "node:v8";
import vm from "node:vm";
import { Bell } from "./bell.ts";
import { LineReader } from "./line_reader.ts";
import { addMark, logSizes, readMarks, readTrimmed, rotate } from "./log_file.ts";
import { type LogReadOptions, readLogs } from "./log_reader.ts";
import type { LogEntry } from "../runner.ts";
import { type RunFiles, runFiles } from "./records.ts";
import { cannotRun, roomTest } from "./test_room.ts";

const { signal } = new AbortController();
const SMALL = { chunk: 64 * 1024, keep: 2 };

/** Bytes of the heap that are still referenced. */
function liveBytes(): number {
  v8.setFlagsFromString("--expose-gc");
  vm.runInNewContext("gc")();
  return Deno.memoryUsage().heapUsed;
}

/** The log directory of a run that does not exist. */
class Log implements AsyncDisposable {
  readonly files: RunFiles;
  readonly #bell = new Bell();
  over = true;

  private constructor(dir: string) {
    this.files = { instanceUid: "uid", run: 1, name: "uid-1", dir, signals: join(dir, "signals") };
  }

  static async make(): Promise<Log> {
    const log = new Log(await Deno.makeTempDir({ prefix: "rune-log-" }));
    await log.write({ stdout: "", stderr: "" });
    return log;
  }

  async write(text: Partial<Record<"stdout" | "stderr", string>>): Promise<void> {
    for (const [stream, data] of Object.entries(text)) {
      await Deno.writeTextFile(`${this.files.dir}/${stream}.log`, data, { append: true });
    }
  }

  async open(options: Partial<LogReadOptions> = {}) {
    const listener = this.#bell.listen("log", options.signal);
    return await readLogs(this.files, {
      follow: false,
      signal,
      listener,
      isOver: () => Promise.resolve(this.over),
      ...options,
    });
  }

  end(): void {
    this.over = true;
    this.#bell.ring("log");
  }

  async texts(options: Partial<LogReadOptions> = {}): Promise<string[]> {
    return (await Array.fromAsync(await this.open(options))).map((e) => e.text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.files.dir, { recursive: true });
  }
}

function test(name: string, fn: (log: Log) => Promise<void>): void {
  Deno.test({
    name,
    ignore: cannotRun,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    fn: async () => {
      await using log = await Log.make();
      await fn(log);
    },
  });
}

const makeNumbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i} ${"x".repeat(80)}`);

test("readLogs() orders the streams and times their lines by marks", async (log) => {
  await log.write({ stdout: "one\n" });
  await addMark(log.files, logSizes(log.files));
  await log.write({ stderr: "two\n" });
  await addMark(log.files, logSizes(log.files));
  await log.write({ stdout: "three\n" });
  const entries = await Array.fromAsync(await log.open());
  assert.deepEqual(entries.map((e) => e.text), ["one", "two", "three"]);
  const marks = await readMarks(log.files);
  assert.deepEqual(entries.slice(0, 2).map((e) => e.time), marks.map((m) => m.time));
  assert.ok(entries[2]!.time! >= marks[1]!.time);
});

test("readLogs() keeps to since and until", async (log) => {
  const marks = [1, 2, 3].map((n) => `2030-01-01T00:00:0${n}.000Z ${n * 2} 0\n`);
  await log.write({ stdout: "a\nb\nc\n" });
  await Deno.writeTextFile(`${log.files.dir}/marks`, marks.join(""));
  assert.deepEqual(await log.texts({ since: "2030-01-01T00:00:02Z" }), ["b", "c"]);
  assert.deepEqual(await log.texts({ until: "2030-01-01T00:00:02Z" }), ["a", "b"]);
  assert.deepEqual(await log.texts({ until: "2030-01-01T00:00:02Z", tail: 1 }), ["b"]);
});

test("readLogs() with follow shows new output, and ends with the run and its unfinished last line", async (log) => {
  log.over = false;
  await log.write({ stdout: "before\nun" });
  const reader = (await log.open({ follow: true })).getReader();
  assert.equal((await reader.read()).value?.text, "before");
  const next = reader.read();
  await log.write({ stdout: "finished\n" });
  assert.equal((await next).value?.text, "unfinished");
  await log.write({ stderr: "end" });
  log.end();
  assert.deepEqual((await reader.read()).value?.text, "end");
  assert.ok((await reader.read()).done);
});

test("readLogs() with follow can be cancelled while it waits", async (log) => {
  log.over = false;
  await (await log.open({ follow: true })).cancel();
  const abort = new AbortController();
  await log.open({ follow: true, signal: abort.signal });
  const reader = (await log.open({ follow: true, signal: abort.signal })).getReader();
  const next = reader.read();
  abort.abort();
  assert.ok((await next).done);
});

test("a tail is found over many blocks, with characters that span two of them", async (log) => {
  const lines = makeNumbered(0, 5_000).map((text) => `${text} äöü€🂡`);
  await log.write({ stdout: lines.join("\n") + "\n" });
  for (const count of [1, 7, 3_000, 4_999, 5_000, 9_000]) {
    assert.deepEqual(await log.texts({ tail: count }), lines.slice(-count), `tail ${count}`);
  }
  await log.write({ stdout: "unfinished" });
  assert.deepEqual(await log.texts({ tail: 2 }), [lines.at(-1), "unfinished"]);
});

test("a line of any length is read in parts, without loss", async (log) => {
  const long = "abcdefgh".repeat(40_000);
  await log.write({ stdout: `${long}\nshort\n` });
  const texts = await log.texts();
  assert.equal(texts.pop(), "short");
  assert.equal(texts.join(""), long);
});

test("a line longer than a part is one line for tail, since and both streams, and keeps its letters and bytes", async (log) => {
  const long = `x${"é".repeat(100_000)}`;
  await log.write({ stdout: `first\n${long}\nlast\n`, stderr: `${long}\n` });
  const joinStream = (entries: LogEntry[], stream: string) =>
    entries.filter((e) => e.stream === stream).map((e) => e.text).join("");
  const all = await Array.fromAsync(await log.open());
  assert.equal(joinStream(all, "stdout"), `first${long}last`);
  assert.equal(joinStream(all, "stderr"), long);
  assert.ok(all.every((e) => !e.text.includes("\ufffd") && e.base64 === undefined));
  assert.equal(new Set(all.filter((e) => e.stream === "stdout" && e.continues).map((e) => e.time)).size, 1);
  const two = await Array.fromAsync(await log.open({ tail: 3 }));
  assert.equal(joinStream(two, "stdout"), `${long}last`);
  assert.equal(joinStream(two, "stderr"), long);
  const one = await Array.fromAsync(await log.open({ tail: 1 }));
  assert.equal(joinStream(one, "stderr"), long);
  assert.equal(joinStream(one, "stdout"), "");
});

test("binary bytes are returned unchanged, beside the text", async (log) => {
  await Deno.writeFile(
    `${log.files.dir}/stdout.log`,
    new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0x0d, 0x0a, 0xff, 0x00, 0x0a]),
  );
  const [text, bytes] = await Array.fromAsync(await log.open());
  assert.deepEqual([text?.text, text?.base64], ["\ufeffa\r", undefined]);
  assert.equal(bytes?.text, "\ufffd\0");
  assert.deepEqual([...Uint8Array.fromBase64(bytes!.base64!)], [0xff, 0]);
});

test("rotate() frees the oldest part, keeps whole lines, and the writer loses nothing", async (log) => {
  using writer = await Deno.open(`${log.files.dir}/stdout.log`, { append: true });
  const lines: string[] = [];
  const print = async (more: string[]) => {
    lines.push(...more);
    await writer.write(new TextEncoder().encode(more.join("\n") + "\n"));
  };
  await print(makeNumbered(0, 1_000));
  await rotate(log.files, SMALL);
  assert.deepEqual(await log.texts(), lines, "nothing goes before the limit");

  await print(makeNumbered(1_000, 3_000));
  const following = await LineReader.open(log.files, "stdout", 0);
  const before = (await Deno.stat(`${log.files.dir}/stdout.log`)).blocks!;
  await rotate(log.files, SMALL);
  const after = (await Deno.stat(`${log.files.dir}/stdout.log`)).blocks!;
  assert.ok(after < before, `${after} blocks of ${before} are left`);
  const { stdout } = await readTrimmed(log.files);
  assert.equal(stdout % SMALL.chunk, 0);
  await print(makeNumbered(3_000, 3_010));
  const texts = await log.texts();
  const kept = texts.join("\n").length;
  assert.ok(kept >= SMALL.keep * SMALL.chunk - 200 && kept <= (SMALL.keep + 1) * SMALL.chunk + 1_000);
  assert.deepEqual(texts, lines.slice(-texts.length));
  assert.deepEqual(await log.texts({ tail: 5 }), lines.slice(-5));
  assert.deepEqual(await log.texts({ tail: 5_000 }), texts);
  await following.fill();
  assert.equal(
    following.head?.text,
    texts[0],
    "a reader that was behind goes on with what is kept",
  );
  following.close();
});

test("addMark() keeps the number of marks small", async (log) => {
  const line = `${new Date().toISOString()} 1234567 1234567\n`;
  await Deno.writeTextFile(`${log.files.dir}/marks`, line.repeat(10_000));
  await addMark(log.files, { stdout: 8_000_000, stderr: 0 });
  const marks = await readMarks(log.files);
  assert.ok(marks.length <= 5_001);
  assert.equal(marks.at(-1)!.stdout, 8_000_000);
});

roomTest(
  "the runner rotates the output of a running process, also of one that it did not start",
  async (room) => {
    const spec = room.shell("while :; do seq 20000; sleep 0.1; done");
    await room.runner.create(spec, signal);
    await room.runner.start(spec, signal);
    await room.reopen();
    const files = runFiles(room.dir, spec);
    for await (const event of Deno.watchFs(files.dir)) {
      if (event.paths.some((path) => path.endsWith("/trimmed"))) break;
    }
    assert.ok((await readTrimmed(files)).stdout > 0);
  },
  { room: { rotation: SMALL } },
);

test("a tail as long as the log is read as it is consumed, and not kept in memory", async (log) => {
  const line = `${"x".repeat(60_000)}\n`;
  for (let n = 0; n < 10; n++) await log.write({ stdout: line.repeat(50), stderr: line.repeat(50) });
  const before = liveBytes();
  const reader = (await log.open({ tail: 1_000_000 })).getReader();
  assert.equal((await reader.read()).value?.text.length, 60_000);
  const grown = liveBytes() - before;
  await reader.cancel();
  assert.ok(grown < 10 * 1024 * 1024, `60 MB of log took ${grown} bytes`);
});

test("lines that are written during the search for a tail are shown after it, each once", async (log) => {
  log.over = false;
  await log.write({ stdout: "a\nb\nc\n" });
  const stop = new AbortController();
  const stream = await log.open({ tail: 2, follow: true, signal: stop.signal });
  await log.write({ stdout: "d\n" });
  const reader = stream.getReader();
  const taken = [];
  for (let n = 0; n < 3; n++) taken.push((await reader.read()).value?.text);
  stop.abort();
  await reader.cancel();
  assert.deepEqual(taken, ["b", "c", "d"]);
});
