/** Reads a pipe line by line until it is closed or nobody waits any more. @module */

/** Lines of a pipe. */
export interface LinePipe {
  /** The next line; undefined at the end, and once the signal aborted. */
  next(): Promise<string | undefined>;
  /** Reads no more. */
  cancel(): Promise<void>;
}

/**
 * No line of a helper is longer; what comes from a process that its user could change is not kept without
 * bound.
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
