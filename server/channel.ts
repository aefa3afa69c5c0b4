/** A bounded queue between many writers and one reader: writers wait while it is full. @module */

/** Many writers, one reader. */
export class Channel<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  readonly #waiting: (() => void)[] = [];
  #wakeReader: () => void = () => {};
  #ended: { error?: unknown } | undefined;

  /** @param limit items kept before writers wait. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves once the item is queued; false when the channel has ended and the item was dropped. */
  async send(item: T): Promise<boolean> {
    while (!this.#ended && this.#items.length >= this.#limit) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#ended) return false;
    this.#items.push(item);
    this.#wakeReader();
    return true;
  }

  /** No more items: the reader gets what is queued, then the end, or the error. */
  end(error?: unknown): void {
    this.#ended ??= { error };
    this.#wakeReader();
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** Items in the order in which they were queued. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#items.length > 0) {
        const item = this.#items.shift()!;
        this.#waiting.shift()?.();
        yield item;
      }
      if (this.#ended) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      }
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
  }
}
