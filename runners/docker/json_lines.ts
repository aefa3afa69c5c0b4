/** Streams of JSON values, one a line: events and pull progress. @module */

/** The values of a stream; empty lines are skipped. Leaving the loop early cancels the stream. */
export async function* jsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  let held = "";
  for await (const text of body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    const lines = (held + text).split("\n");
    held = lines.pop()!;
    for (const line of lines) {
      if (line.trim() !== "") yield JSON.parse(line);
    }
  }
  if (held.trim() !== "") yield JSON.parse(held);
}
