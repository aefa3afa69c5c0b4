/**
 * The input of one command on its way: a buffer of a fixed size, and who fills it is told when there is room
 * again.
 * @module
 */

/** What an input is made with. */
export interface ExecInputOptions {
  /** Bytes that may wait for the command. */
  window: number;
  /** Told how many bytes the command has taken. */
  onTaken(bytes: number): void;
}

/** See the module comment. Bytes may come before the command that takes them. */
export class ExecInput {
  readonly #buffer: Uint8Array;
  readonly #onTaken: (bytes: number) => void;
  #filled = 0;
  #underway = 0;
  #ended = false;
  #sink: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #writing = false;
  #closed = false;
  /** The command reads no more; what comes is dropped, as a broken pipe does. */
  #broken = false;

  constructor({ window, onTaken }: ExecInputOptions) {
    this.#buffer = new Uint8Array(window);
    this.#onTaken = onTaken;
  }

  /** No more comes. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Takes the bytes, or says that there is no room for them. */
  push(bytes: Uint8Array): boolean {
    if (this.#broken) return true;
    if (this.#filled + this.#underway + bytes.length > this.#buffer.length) return false;
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#write();
    return true;
  }

  /** Nothing comes after what has come. */
  end(): void {
    this.#ended = true;
    this.#write();
  }

  /** Gives the command what waits for it, and from now on what comes. */
  connect(sink: WritableStream<Uint8Array>): void {
    this.#sink = sink.getWriter();
    // A command that closes its input early is no failure of the session.
    this.#sink.closed.catch(() => {});
    if (this.#broken) this.abandon();
    else this.#write();
  }

  /** Nobody wants it any more: what waits is dropped, and the command's input let go of. */
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
