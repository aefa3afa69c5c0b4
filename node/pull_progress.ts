/** Turns a runner's image pull into a stream of its progress. @module */
import { createKeyFeed } from "../base/key_feed.ts";

/**
 * Yields the latest progress of a pull until it ends.
 *
 * @param pull starts the pull, with a callback for progress and a signal that aborts it.
 */
export async function* readPullProgress(
  pull: (options: { onProgress: (text: string) => void; signal: AbortSignal }) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const abandoned = new AbortController();
  const over = new AbortController();
  let latest = "";
  // With a single key, a slow reader gets only the latest progress.
  const news = createKeyFeed<"progress">();
  const heard = news.listen(over.signal)[Symbol.asyncIterator]();
  let next = heard.next();
  const pulled = pull({
    onProgress(text) {
      latest = text;
      news.add("progress");
    },
    signal: AbortSignal.any([signal, abandoned.signal]),
  }).finally(() => over.abort());
  pulled.catch(() => {});
  try {
    for (; !(await next).done; next = heard.next()) yield latest;
    await pulled;
  } finally {
    abandoned.abort();
    over.abort();
    await pulled.catch(() => {});
  }
}
