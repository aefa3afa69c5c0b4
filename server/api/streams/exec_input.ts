/** Buffers the input of a command in a fixed size, and reports when there is room again. @module */

/** Options of an input. */
export interface ExecInputOptions {
  /** How many bytes may wait for the command. */
  window: number;
  /** Called with the number of bytes that the command has read. */
  onTaken(bytes: number): void;
}

/** The buffered input of a command. Bytes may arrive before the command has started. */
export class ExecInput {
  readonly #buffer: Uint8Array;
  readonly #onTaken: (bytes: number) => void;
  #filled = 0;
  #underway = 0;
  #ended = false;
  #sink: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #writing = false;
  #closed = false;
  /** The command no longer reads; further input is dropped, as with a broken pipe. */
  #broken = false;

  constructor({ window, onTaken }: ExecInputOptions) {
    this.#buffer = new Uint8Array(window);
    this.#onTaken = onTaken;
  }

  /** The input has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Buffers the bytes. @returns false if there is no room for them. */
  push(bytes: Uint8Array): boolean {
    if (this.#broken) return true;
    if (this.#filled + this.#underway + bytes.length > this.#buffer.length) return false;
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#write();
    return true;
  }

  /** Ends the input after the buffered bytes. */
  end(): void {
    this.#ended = true;
    this.#write();
  }

  /** Connects the command: it gets the buffered bytes, and then all further input. */
  connect(sink: WritableStream<Uint8Array>): void {
    this.#sink = sink.getWriter();
    // A command may close its input early; that is no failure of the session.
    this.#sink.closed.catch(() => {});
    if (this.#broken) this.abandon();
    else this.#write();
  }

  /** Drops the buffered bytes and releases the command's input. */
  abandon(): void {
    this.#broken = true;
    this.#filled = 0;
    this.#sink?.abort().catch(() => {});
  }

  #write(): void {
    const hasWork = !this.#broken && (this.#filled > 0 || this.#ended && !this.#closed);
    if (!this.#sink || this.#writing || !hasWork) return;
    this.#writing = true;
    this.#drain(this.#sink)
      .catch(() => {
        this.#broken = true;
        this.#filled = 0;
      })
      .finally(() => {
        this.#underway = 0;
        this.#writing = false;
        this.#write();
      });
  }

  async #drain(sink: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
    while (this.#filled > 0) {
      const taken = this.#buffer.slice(0, this.#filled);
      this.#underway = taken.length;
      this.#filled = 0;
      await sink.write(taken);
      this.#underway = 0;
      this.#onTaken(taken.length);
    }
    if (!this.#ended || this.#closed) return;
    this.#closed = true;
    await sink.close();
  }
}
