/** Streams of JSON values, one a line: events and pull progress. @module */

/**
 * The longest line, in characters. Lines contain labels and messages of a registry, which may be hostile.
 */
const LINE_MAX = 1024 * 1024;

/** Replaces a line that was too long. */
export const TOO_LONG: unique symbol = Symbol("a line that was too long");

/**
 * Parses the values of a stream. Empty lines are skipped. Leaving the loop early cancels the stream.
 *
 * @param options.max the most characters of a line; `TOO_LONG` replaces a longer one.
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
