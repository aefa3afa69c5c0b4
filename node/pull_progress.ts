/** Turns the call by which a runner pulls an image into a stream of how far it is. @module */
import { createKeyFeed } from "../base/key_feed.ts";

/**
 * The latest words of a pull, until it has ended.
 *
 * @param pull what pulls; told what to call with each progress, and what ends it.
 */
export async function* readPullProgress(
  pull: (options: { onProgress: (text: string) => void; signal: AbortSignal }) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const abandoned = new AbortController();
  const over = new AbortController();
  let latest = "";
  // One key: whoever reads slowly is told the latest words, and not all of them.
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
