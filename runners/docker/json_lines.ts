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
  let line = "";
  let skipping = false;
  for await (const text of body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    const lines = text.split("\n");
    for (const [i, part] of lines.entries()) {
      const ended = i < lines.length - 1;
      if (!skipping) line += part;
      if (!skipping && line.length > max) {
        skipping = true;
        line = "";
        yield TOO_LONG;
      }
      if (!ended) break;
      if (!skipping && line.trim() !== "") yield JSON.parse(line);
      skipping = false;
      line = "";
    }
  }
  if (line.trim() !== "") yield JSON.parse(line);
}
