/** Streams of JSON values, one a line: events and pull progress. @module */

/**
 * Letters of a line; labels and a registry's sentences are in it, and who writes those is not always a
 * friend.
 */
const LINE_MAX = 1024 * 1024;

/** Stands for a line that was too long to keep. */
export const TOO_LONG: unique symbol = Symbol("a line that was too long");

/**
 * The values of a stream; empty lines are skipped. Leaving the loop early cancels the stream.
 *
 * @param options.max letters of a line; a longer one is passed over, and `TOO_LONG` given in its place.
 */
export async function* jsonLines(
  body: ReadableStream<Uint8Array>,
  { max = LINE_MAX }: { max?: number } = {},
): AsyncGenerator<unknown> {
  let held = "";
  let skipping = false;
  for await (const text of body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    const lines = text.split("\n");
    for (const [i, part] of lines.entries()) {
      const ended = i < lines.length - 1;
      if (!skipping) held += part;
      if (!skipping && held.length > max) {
        skipping = true;
        held = "";
        yield TOO_LONG;
      }
      if (!ended) break;
      if (!skipping && held.trim() !== "") yield JSON.parse(held);
      skipping = false;
      held = "";
    }
  }
  if (held.trim() !== "") yield JSON.parse(held);
}
