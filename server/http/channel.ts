/** A queue with many writers and one reader, bounded in items and bytes. @module */

/** Limits of a channel. */
export interface ChannelLimits<T> {
  /** The most items. */
  items: number;
  /** The most bytes of all items together. A single larger item still passes if the queue is empty. */
  bytes: number;
  /** The approximate size of an item in bytes. */
  sizeOf(item: T): number;
}

/** A bounded queue. While it is full, `send` waits and `offer` returns false. */
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

  /** Resolves once the item is queued. @returns false if the channel has ended and the item was dropped. */
  async send(item: T): Promise<boolean> {
    const size = this.#limits.sizeOf(item);
    while (!this.#ended && !this.#hasRoom(size)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#add(item, size);
  }

  /** Queues the item if there is room; for writers that must not wait. */
  offer(item: T): boolean {
    const size = this.#limits.sizeOf(item);
    return this.#hasRoom(size) && this.#add(item, size);
  }

  /** Ends the channel. The reader gets the queued items, and then the end or the error. */
  end(error?: unknown): void {
    this.#ended ??= { error };
    this.#wakeReader();
    this.#wakeWriters();
  }

  /** Yields the items in order. */
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
