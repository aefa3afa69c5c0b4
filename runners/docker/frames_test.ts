import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeFrames, type Frame } from "./frames.ts";

function encode(kind: number, data: Uint8Array): number[] {
  const size = data.length;
  return [kind, 0, 0, 0, size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255, ...data];
}

async function decode(chunks: Uint8Array[]): Promise<Frame[]> {
  return await Array.fromAsync(ReadableStream.from(chunks).pipeThrough(decodeFrames()));
}

Deno.test("decodeFrames() returns the same frames wherever the chunks are cut", async () => {
  const frame = fc.record({
    stream: fc.constantFrom<Frame["stream"]>("stdout", "stderr"),
    data: fc.uint8Array({ maxLength: 300 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { maxLength: 8 }),
      fc.integer({ min: 1, max: 40 }),
      async (frames, cut) => {
        const bytes = frames.flatMap((f) => encode(f.stream === "stdout" ? 1 : 2, f.data));
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += cut) {
          chunks.push(
            Uint8Array.from(bytes.slice(at, at + cut)),
          );
        }
        const toPlain = (list: Frame[]) => list.map((f) => ({ stream: f.stream, data: [...f.data] }));
        assert.deepEqual(toPlain(await decode(chunks)), toPlain(frames));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("decodeFrames() fails on a cut frame, on other bytes, and on an error of the Engine", async () => {
  const text = new TextEncoder();
  const whole = encode(1, text.encode("hello"));
  await assert.rejects(decode([Uint8Array.from(whole.slice(0, -1))]), { code: "unavailable" });
  await assert.rejects(decode([text.encode("a terminal's output")]), { code: "internal" });
  await assert.rejects(decode([Uint8Array.from(encode(3, text.encode("the reason")))]), {
    message: "the reason",
  });
});
