/**
 * The part of the tar format (POSIX ustar) that backups use: regular files of known size. Any `tar` can read
 * the result.
 * @module
 */
import { RuneError } from "../../model/error.ts";

const BLOCK = 512;
/** The largest size that fits into the header's eleven octal digits. */
const MAX_SIZE = 8 ** 11 - 1;

/** A file to write. */
export interface TarFile {
  /** Relative, at most 100 bytes. */
  name: string;
  size: number;
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const makePadding = (size: number) => new Uint8Array((BLOCK - size % BLOCK) % BLOCK);

function header({ name, size }: { name: string; size: number }, mtime: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (offset: number, text: string) => block.set(new TextEncoder().encode(text), offset);
  const toOctal = (value: number, digits: number) => value.toString(8).padStart(digits, "0") + "\0";
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > 100 || size > MAX_SIZE) {
    throw new RuneError("internal", `"${name}" (${size} bytes) does not fit into a tar header`);
  }
  put(0, name);
  put(100, toOctal(0o600, 7) + toOctal(0, 7) + toOctal(0, 7) + toOctal(size, 11) + toOctal(mtime, 11));
  put(148, "        0");
  put(257, "ustar\x0000");
  const sum = block.reduce((a, b) => a + b, 0);
  put(148, toOctal(sum, 6) + " ");
  return block;
}

/** Writes files as a tar stream. @param options.mtime seconds since 1970. */
export async function* writeTar(
  files: AsyncIterable<TarFile>,
  { mtime }: { mtime: number },
): AsyncGenerator<Uint8Array> {
  for await (const file of files) {
    yield header(file, mtime);
    let written = 0;
    for await (const chunk of file.data) {
      written += chunk.length;
      if (written > file.size) break;
      yield chunk;
    }
    if (written !== file.size) {
      throw new RuneError("internal", `"${file.name}" changed its size while it was read`);
    }
    yield makePadding(file.size);
  }
  yield new Uint8Array(2 * BLOCK);
}

/** A file in a tar stream. Read its data to the end before the next file. */
export interface TarEntry {
  name: string;
  size: number;
  data: AsyncIterable<Uint8Array>;
}

/**
 * Reads the files of a tar stream.
 *
 * @throws {RuneError} `invalid_argument` if it is not a tar stream, or is truncated.
 */
export async function* readTar(stream: ReadableStream<Uint8Array>): AsyncGenerator<TarEntry> {
  const source = new ByteSource(stream);
  try {
    for (;;) {
      const block = await source.take(BLOCK);
      if (block.every((byte) => byte === 0)) {
        // Read to the very end, so that the decompression checks the whole stream.
        if (!await source.onlyZeros()) throw notWhole("there is data after its end");
        return;
      }
      const { name, size } = parseHeader(block);
      let rest = size;
      const data = (async function* () {
        while (rest > 0) {
          const chunk = await source.some(rest);
          rest -= chunk.length;
          yield chunk;
        }
      })();
      yield { name, size, data };
      if (rest > 0) throw new RuneError("internal", `"${name}" was not read to its end`);
      await source.take(makePadding(size).length);
    }
  } finally {
    await source.close();
  }
}

function parseHeader(block: Uint8Array): { name: string; size: number } {
  const text = (start: number, length: number) =>
    new TextDecoder("latin1").decode(block.subarray(start, start + length)).replace(/[\0 ].*$/s, "");
  const sum = block.reduce((a, b, i) => a + (i >= 148 && i < 156 ? 32 : b), 0);
  const size = parseInt(text(124, 12), 8);
  if (parseInt(text(148, 8), 8) !== sum || Number.isNaN(size)) throw notWhole("it is not a tar archive");
  return { name: text(0, 100), size };
}

/** The error for a damaged backup. */
export function notWhole(reason: string, cause?: unknown): RuneError {
  return new RuneError("invalid_argument", `the backup is damaged: ${reason}`, {
    hint: "use another backup, or copy this one again from its original",
    cause,
  });
}

/** Reads a stream in pieces of a given size. */
class ByteSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Reads at least one byte and at most `limit`. */
  async some(limit: number): Promise<Uint8Array> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#reader.read().catch((error) => {
        throw notWhole("it cannot be unpacked", error);
      });
      if (done) throw notWhole("it is truncated");
      this.#chunk = value as Uint8Array<ArrayBuffer>;
    }
    const taken = this.#chunk.subarray(0, limit);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  async take(size: number): Promise<Uint8Array> {
    const whole = new Uint8Array(size);
    for (let filled = 0; filled < size;) {
      const part = await this.some(size - filled);
      whole.set(part, filled);
      filled += part.length;
    }
    return whole;
  }

  async onlyZeros(): Promise<boolean> {
    let zeros = this.#chunk.every((byte) => byte === 0);
    for (;;) {
      const { done, value } = await this.#reader.read().catch((error) => {
        throw notWhole("it cannot be unpacked", error);
      });
      if (done) return zeros;
      zeros &&= value.every((byte) => byte === 0);
    }
  }

  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}
