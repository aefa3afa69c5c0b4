import assert from "node:assert/strict";
import { LOG_LINE_MAX } from "../log_line.ts";
import type { LogEntry } from "../runner.ts";
import type { Frame } from "./frames.ts";
import { createLineAssembler } from "./line_assembler.ts";
import { containerLogs, engineTime } from "./logs.ts";
import { withFakeEngine } from "./test_engine.ts";
import { dockerHere } from "./test_image.ts";
import { makeDockerRoom } from "./test_room.ts";

function frame(stream: Frame["stream"], text: string): Frame {
  return { stream, data: new TextEncoder().encode(text) };
}

function join(frames: Frame[]): LogEntry[] {
  const assembler = createLineAssembler();
  return [...frames.flatMap((record) => assembler.push(record)), ...assembler.end()];
}

/** Encodes a record as the Engine sends it. */
function encodeFrame({ stream, data }: Frame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + data.length);
  bytes[0] = stream === "stdout" ? 1 : 2;
  new DataView(bytes.buffer).setUint32(4, data.length);
  bytes.set(data, 8);
  return bytes;
}

/** A full record, so its line continues. */
const FULL = "x".repeat(16 * 1024);

Deno.test("createLineAssembler() joins the parts of a line per stream, under the first part's time", () => {
  const [t1, t2, t3] = [1, 2, 3].map((n) => `2026-01-02T03:04:05.00000000${n}Z`);
  assert.deepEqual(
    join([
      frame("stdout", `${t1} ${FULL}`),
      frame("stderr", `${t2} between\n`),
      frame("stdout", `${t1} second\n`),
      frame("stdout", `${t3} unended`),
    ]),
    [
      { stream: "stderr", time: t2, text: "between" },
      { stream: "stdout", time: t1, text: `${FULL}second` },
      { stream: "stdout", time: t3, text: "unended" },
    ],
  );
});

Deno.test("createLineAssembler() decodes a character that spans two parts, and does not mistake text for a time", () => {
  const stamp = "2026-01-02T03:04:05Z ";
  const euro = new TextEncoder().encode("€\n");
  const first = new Uint8Array([...new TextEncoder().encode(`${stamp}${FULL.slice(1)}`), euro[0]!]);
  const second = new Uint8Array([...new TextEncoder().encode(stamp), ...euro.slice(1)]);
  const cut = [first, second].map((data) => ({ stream: "stdout" as const, data }));
  assert.deepEqual(join(cut)[0]?.text, `${FULL.slice(1)}€`);
  assert.deepEqual(join([frame("stdout", "no time\n")]), [
    { stream: "stdout", time: undefined, text: "no time" },
  ]);
  assert.equal(join([frame("stdout", `${stamp}\n`)])[0]?.text, "");
});

Deno.test("createLineAssembler() returns an endless line in parts, so that memory is bounded", () => {
  const parts = Array.from({ length: 80 }, () => frame("stdout", "x".repeat(16 * 1024)));
  const entries = join([...parts, frame("stdout", "end\n")]);
  assert.equal(entries.length, 21);
  assert.ok(entries.every((entry) => entry.text.length <= LOG_LINE_MAX + 3));
  assert.equal(entries.map((e) => e.text).join("").length, 80 * 16 * 1024 + 3);
  assert.deepEqual(entries.map((e) => e.continues), [...Array(20).fill(true), undefined]);
});

Deno.test("createLineAssembler() cuts a long line between two characters", () => {
  const text = "€".repeat(LOG_LINE_MAX);
  const entries = join([frame("stdout", `${text}\n`)]);
  assert.ok(entries.length > 2);
  assert.equal(entries.map((e) => e.text).join(""), text);
});

Deno.test("createLineAssembler() ends a line whose newline the driver dropped, after a short record or before another time", () => {
  const [t1, t2] = [1, 2].map((n) => `2026-01-02T03:04:05.00000000${n}Z`);
  const texts = join([
    frame("stdout", `${t1} ${FULL}`),
    frame("stdout", `${t1} short`),
    frame("stdout", `${t1} ${FULL}`),
    frame("stdout", `${t2} next\n`),
  ]).map(({ text }) => text);
  assert.deepEqual(texts, [`${FULL}short`, FULL, "next"]);
});

Deno.test("createLineAssembler() keeps binary bytes and all text", () => {
  const stamp = new TextEncoder().encode("2026-01-02T03:04:05Z ");
  const data = new Uint8Array([...stamp, 0xef, 0xbb, 0xbf, 0x61, 0xff, 0x0d, 0x00, 0x0a]);
  const [entry] = join([{ stream: "stdout", data }]);
  assert.equal(entry?.text, "\ufeffa\ufffd\r\0");
  assert.deepEqual([...Uint8Array.fromBase64(entry!.base64!)], [0xef, 0xbb, 0xbf, 0x61, 0xff, 0x0d, 0x00]);
});

Deno.test("engineTime() keeps nanoseconds and zones", () => {
  assert.equal(engineTime("1970-01-01T00:00:01Z"), "1.000000000");
  assert.equal(engineTime("1970-01-01T01:00:01.000000123+01:00"), "1.000000123");
  assert.throws(() => engineTime("yesterday"), { code: "invalid_argument" });
});

Deno.test({
  name: "logs() joins long lines, honours since and until, and follows to the very last line",
  ignore: !dockerHere,
  sanitizeOps: true,
  sanitizeResources: true,
  sanitizeExit: true,
  async fn() {
    const room = await makeDockerRoom();
    const signal = AbortSignal.timeout(20_000);
    const read = async (options: { follow: boolean; since?: string; until?: string }) =>
      await Array.fromAsync(await room.runner.logs(spec, { ...options, signal }));
    const script =
      "head -c 40000 /dev/zero | tr '\\0' x; echo; echo a; sleep 0.05; echo b >&2; sleep 0.05; printf c";
    const spec = room.shell(script);
    try {
      await room.runner.create(spec, signal);
      await room.runner.start(spec, signal);
      const followed = await read({ follow: true });
      assert.deepEqual(followed.map((e) => e.text.length), [40_000, 1, 1, 1]);
      const all = await read({ follow: false });
      assert.deepEqual(followed, all);
      assert.deepEqual(await read({ follow: false, since: all[2]!.time }), all.slice(2));
      assert.deepEqual(await read({ follow: false, until: all[1]!.time }), all.slice(0, 2));
    } finally {
      await room.cleanup();
    }
  },
});

Deno.test("containerLogs() never shows the rest of a line as a line, wherever the other stream's lines are", async () => {
  const at = (seconds: number, text: string) => `2026-01-02T03:04:0${seconds}.000000000Z ${text}`;
  const records = [
    frame("stdout", at(1, "old\n")),
    frame("stderr", at(1, FULL)),
    frame("stdout", at(1, "one\n")),
    frame("stderr", at(1, "rest\n")),
    frame("stdout", at(1, "two\n")),
    frame("stdout", at(5, "three\n")),
    frame("stderr", at(9, "late\n")),
  ];
  const asked: number[] = [];
  await withFakeEngine(({ url }) => {
    const tail = Number(url.searchParams.get("tail") ?? records.length);
    asked.push(tail);
    return new Response(new Blob(records.slice(-tail).map(encodeFrame)).stream());
  }, async (engine) => {
    const read = async (tail: number) => {
      asked.length = 0;
      const log = await containerLogs(engine, "c", {
        tail,
        follow: false,
        signal: AbortSignal.timeout(10_000),
      });
      return (await Array.fromAsync(log)).map(({ text }) => text.replace(FULL, "whole "));
    };
    assert.deepEqual(await read(2), ["three", "late"]);
    assert.deepEqual(asked, [3], "a line that began long after a whole one is whole");
    assert.deepEqual(await read(4), ["whole rest", "two", "three", "late"]);
    assert.deepEqual(await read(5), ["one", "whole rest", "two", "three", "late"]);
  });
});
