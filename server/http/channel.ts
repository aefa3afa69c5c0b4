/** A queue that is bounded in items and in bytes, between many writers and one reader. @module */

/** How much a channel holds. */
export interface ChannelLimits<T> {
  /** Items. */
  items: number;
  /** Bytes of all items together. One item that is larger alone still passes, when nothing else waits. */
  bytes: number;
  /** Bytes that an item takes, about. */
  sizeOf(item: T): number;
}

/** Many writers, one reader. Writers wait while it is full, or are told so. */
export class Channel<T> {
  readonly #limits: ChannelLimits<T>;
  readonly #items: { item: T; size: number }[] = [];
  #bytes = 0;
  readonly #waiting: (() => void)[] = [];
  #wakeReader: () => void = () => {};
  #ended: { error?: unknown } | undefined;

  constructor(limits: ChannelLimits<T>) {
    this.#limits = limits;
  }

  /** Resolves once the item is queued; false when the channel has ended and the item was dropped. */
  async send(item: T): Promise<boolean> {
    const size = this.#limits.sizeOf(item);
    while (!this.#ended && !this.#hasRoom(size)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#add(item, size);
  }

  /** Queues the item if there is room now; for writers that must not wait. */
  offer(item: T): boolean {
    const size = this.#limits.sizeOf(item);
    return this.#hasRoom(size) && this.#add(item, size);
  }

  /** No more items: the reader gets what is queued, then the end, or the error. */
  end(error?: unknown): void {
    this.#ended ??= { error };
    this.#wakeReader();
    this.#wakeWriters();
  }

  /** Items in the order in which they were queued. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      for (let next; (next = this.#items.shift()) !== undefined;) {
        this.#bytes -= next.size;
        this.#wakeWriters();
        yield next.item;
      }
      if (this.#ended) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      }
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
  }

  #hasRoom(size: number): boolean {
    if (this.#items.length === 0) return true;
    return this.#items.length < this.#limits.items && this.#bytes + size <= this.#limits.bytes;
  }

  #add(item: T, size: number): boolean {
    if (this.#ended) return false;
    this.#items.push({ item, size });
    this.#bytes += size;
    this.#wakeReader();
    return true;
  }

  #wakeWriters(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
