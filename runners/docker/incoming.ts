/** Parses HTTP/1.1 answers (RFC 9112) from a connection, with bounded buffers. @module */

/** The most bytes of an answer's head, and of a line that frames its body. */
const HEAD_MAX = 64 * 1024;
const LINE_MAX = 1024;
const CHUNK = 64 * 1024;
const NEWLINE = 10;

/** The bytes of a connection, in order. */
export class Incoming {
  readonly #conn: Pick<Deno.UnixConn, "read">;
  readonly #buffer = new Uint8Array(CHUNK);
  #buffered = new Uint8Array(0);
  #reading?: Promise<number | null>;

  constructor(conn: Pick<Deno.UnixConn, "read">) {
    this.#conn = conn;
  }

  /** Resolves when data arrives or the connection ends. The data is kept for the next read. */
  async expect(): Promise<void> {
    if (this.#buffered.length === 0) await this.#read();
  }

  /** Reads the status and headers of the next answer. @param onFirst called when its first byte arrives. */
  async head(onFirst: () => void): Promise<{ status: number; headers: Headers }> {
    for (;;) {
      if (this.#buffered.length === 0 && !await this.#fill()) throw endedError();
      onFirst();
      const lines: string[] = [];
      for (let left = HEAD_MAX;;) {
        const line = await this.line(left);
        if (line === "") break;
        lines.push(line);
        left -= line.length + 1;
      }
      const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(lines[0] ?? "")?.[1]);
      if (!(status >= 100)) throw malformedError("it is no HTTP");
      // An interim answer; another one follows.
      if (status < 200) continue;
      const headers = new Headers();
      for (const line of lines.slice(1)) {
        const colon = line.indexOf(":");
        if (colon <= 0) throw malformedError("a header has no name");
        headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
      }
      return { status, headers };
    }
  }

  /** Reads the next line, without its end. */
  async line(max: number = LINE_MAX): Promise<string> {
    let from = 0;
    for (;;) {
      const at = this.#buffered.indexOf(NEWLINE, from);
      if (at > max || (at < 0 && this.#buffered.length > max)) {
        throw malformedError("a line of it has no end");
      }
      if (at >= 0) {
        const text = new TextDecoder("latin1").decode(this.#buffered.subarray(0, at));
        this.#buffered = this.#buffered.subarray(at + 1);
        return text.endsWith("\r") ? text.slice(0, -1) : text;
      }
      from = this.#buffered.length;
      if (!await this.#fill()) throw endedError();
    }
  }

  /** Reads up to `max` bytes as soon as there are some; undefined at the end of the connection. */
  async some(max: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#buffered.length === 0 && !await this.#fill()) return undefined;
    const part = this.#buffered.slice(0, max);
    this.#buffered = this.#buffered.subarray(part.length);
    return part;
  }

  /** Reads once at a time, and continues a read that {@linkcode expect} began. */
  #read(): Promise<number | null> {
    return this.#reading ??= this.#conn.read(this.#buffer);
  }

  async #fill(): Promise<boolean> {
    const size = await this.#read();
    this.#reading = undefined;
    if (size === null) return false;
    const all = new Uint8Array(this.#buffered.length + size);
    all.set(this.#buffered);
    all.set(this.#buffer.subarray(0, size), this.#buffered.length);
    this.#buffered = all;
    return true;
  }
}

/** The body of one answer, in parts as they arrive. */
export class BodyReader {
  readonly #incoming: Incoming;
  readonly #chunked: boolean;
  /** Remaining bytes of the body or its current chunk; infinite if the end of the connection ends it. */
  #left: number;
  #done = false;
  /** Whether the connection can take another request once the body has been read. */
  readonly reusable: boolean;

  constructor(incoming: Incoming, headers: Headers) {
    this.#incoming = incoming;
    this.#chunked = /(^|,)\s*chunked\s*$/i.test(headers.get("transfer-encoding") ?? "");
    const length = headers.get("content-length");
    if (this.#chunked) this.#left = 0;
    else if (length === null) this.#left = Infinity;
    else if (/^\d{1,15}$/.test(length)) this.#left = Number(length);
    else throw malformedError("its length is no number");
    this.reusable = this.#left !== Infinity && !/\bclose\b/i.test(headers.get("connection") ?? "");
  }

  /** Reads the next part; undefined after the last. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#done) return undefined;
    if (this.#chunked && this.#left === 0) {
      this.#left = await this.#chunkSize();
      if (this.#left === 0) {
        while (await this.#incoming.line() !== "");
        this.#done = true;
        return undefined;
      }
    }
    if (this.#left === 0) {
      this.#done = true;
      return undefined;
    }
    const part = await this.#incoming.some(Math.min(this.#left, CHUNK));
    if (!part) {
      if (this.#left !== Infinity) throw endedError();
      this.#done = true;
      return undefined;
    }
    this.#left -= part.length;
    if (this.#chunked && this.#left === 0 && await this.#incoming.line() !== "") {
      throw malformedError("a part of its body is longer than it says");
    }
    return part;
  }

  async #chunkSize(): Promise<number> {
    const text = (await this.#incoming.line()).split(";")[0]!.trim();
    if (!/^[0-9a-f]{1,12}$/i.test(text)) throw malformedError("a part of its body has no length");
    return parseInt(text, 16);
  }
}

function endedError(): Error {
  return new Deno.errors.UnexpectedEof("the connection was closed");
}

function malformedError(why: string): Error {
  return new Deno.errors.InvalidData(`the answer cannot be read: ${why}`);
}
