import assert from "node:assert/strict";
import { jsonLines, TOO_LONG } from "./json_lines.ts";

/** Parses a text that arrives in chunks of `size` bytes. */
async function values(text: string, options: { size: number; max?: number }): Promise<unknown[]> {
  const bytes = new TextEncoder().encode(text);
  const chunks = Array.from(
    { length: Math.ceil(bytes.length / options.size) },
    (_, i) => bytes.slice(i * options.size, (i + 1) * options.size),
  );
  return await Array.fromAsync(jsonLines(ReadableStream.from(chunks), options));
}

Deno.test("jsonLines() returns one value per line, wherever the chunks are cut", async () => {
  for (const size of [1, 3, 7, 1000]) {
    assert.deepEqual(await values('{"a":"€"}\n\n  \n[1]\n"end"', { size }), [{ a: "€" }, [1], "end"]);
  }
});

Deno.test("jsonLines() skips and reports a line that is too long, in bounded memory", async () => {
  const text = `1\n"${"x".repeat(500)}"\n2\n`;
  for (const size of [1, 64, 10_000]) {
    assert.deepEqual(await values(text, { size, max: 100 }), [1, TOO_LONG, 2]);
  }

  let sent = 0;
  let most = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      most = Math.max(most, Deno.memoryUsage().heapUsed);
      if (++sent > 1000) controller.close();
      else controller.enqueue(new Uint8Array(64 * 1024).fill(120));
    },
  });
  const before = Deno.memoryUsage().heapUsed;
  assert.deepEqual(await Array.fromAsync(jsonLines(endless)), [TOO_LONG]);
  assert.ok(most - before < 32 * 1024 * 1024, `64 MiB without a newline took ${most - before} bytes`);
});
