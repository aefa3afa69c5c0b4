/** Reads a pipe line by line until it is closed or the reader cancels. @module */

/** Lines of a pipe. */
export interface LinePipe {
  /** Reads the next line; undefined at the end, and after an abort. */
  next(): Promise<string | undefined>;
  /** Stops reading. */
  cancel(): Promise<void>;
}

/**
 * The longest line of a helper. The user of a process may have changed its output, so longer lines are not
 * kept.
 */
const MAX_LINE = 4_096;

/** Reads the lines of a stream. */
export function readLines(stream: ReadableStream<Uint8Array>, signal: AbortSignal): LinePipe {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const cancel = async () => {
    signal.removeEventListener("abort", cancel);
    await reader.cancel().catch(() => {});
  };
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();
  return {
    async next() {
      for (;;) {
        const end = text.indexOf("\n");
        if (end >= 0) {
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          return line;
        }
        const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
        if (done || text.length > MAX_LINE) return undefined;
        text += decoder.decode(value, { stream: true });
      }
    },
    cancel,
  };
}
