/**
 * Reads one stream's log file line by line from a position, even while rotation removes old parts.
 * @module
 */
import type { RunFiles } from "./records.ts";
import { letterEnd, LOG_LINE_MAX, textOf } from "../log_line.ts";
import { readTrimmed, STREAMS } from "./log_file.ts";

/** A line, or part of one that is very long. */
export interface Line {
  text: string;
  /** The bytes, if they are not text. */
  base64?: string;
  /** Where the line begins in the file. All parts of a long line have the same start. */
  start: number;
  /** The latest time at which it can have been written, in milliseconds of the epoch. */
  writtenBy: number;
  /** The line continues in the next one that is read. */
  continues?: true;
}

const BLOCK = 64 * 1024;
const NEWLINE = 10;

/** A position in a log file, which moves forward. */
export class LineReader {
  readonly #files: RunFiles;
  readonly #stream: typeof STREAMS[number];
  readonly #file: Deno.FsFile;
  #lines: Line[] = [];
  /** Index of the head in `#lines`. */
  #next = 0;
  #rest: Uint8Array = new Uint8Array();
  /** Where the next block begins; `#rest` is before it. */
  #offset: number;
  #writtenBy = 0;
  /** The start of the line whose first parts were already returned; undefined between two lines. */
  #begun: number | undefined;
  /** Bytes up to the next newline belong to a line whose beginning is not needed. */
  #skipping: boolean;
  /** Where reading began in the file. */
  readonly begin: number;

  private constructor(
    { files, stream, file }: { files: RunFiles; stream: typeof STREAMS[number]; file: Deno.FsFile },
    { offset, skipping }: { offset: number; skipping: boolean },
  ) {
    this.#files = files;
    this.#stream = stream;
    this.#file = file;
    this.begin = offset;
    this.#offset = offset;
    this.#skipping = skipping;
  }

  /** Opens a stream's log at the first line that begins at or after `from`. */
  static async open(files: RunFiles, stream: typeof STREAMS[number], from: number): Promise<LineReader> {
    const file = await Deno.open(`${files.dir}/${stream}.log`);
    const trimmed = (await readTrimmed(files))[stream];
    const offset = Math.max(from, trimmed);
    const skipping = offset > 0 && (offset === trimmed || (await readAt(file, offset - 1, 1))[0] !== NEWLINE);
    return new LineReader({ files, stream, file }, { offset, skipping });
  }

  /** Opens a stream's log at its last `count` lines. */
  static async openTail(files: RunFiles, stream: typeof STREAMS[number], count: number): Promise<LineReader> {
    using file = await Deno.open(`${files.dir}/${stream}.log`);
    const trimmed = (await readTrimmed(files))[stream];
    const { size } = await file.stat();
    let [newlines, at] = [0, size];
    while (at > trimmed) {
      const from = Math.max(trimmed, at - BLOCK);
      const block = await readAt(file, from, at - from);
      for (let i = block.length - 1; i >= 0; i--) {
        // The newline at the end of the last line does not begin another.
        if (block[i] !== NEWLINE || from + i === size - 1) continue;
        if (++newlines === count) return await LineReader.open(files, stream, from + i + 1);
      }
      at = from;
    }
    return await LineReader.open(files, stream, trimmed);
  }

  /** The next complete line, if one was read; `fill` reads more. */
  get head(): Line | undefined {
    return this.#lines[this.#next];
  }

  /** Reads on until there is a head, or the file has no more data. */
  async fill(): Promise<void> {
    while (this.head === undefined && await this.#readBlock());
  }

  /** Consumes the head. */
  shift(): void {
    this.#next++;
  }

  /**
   * Consumes the text after the last newline, which the end of the run completed; undefined if there is none.
   */
  takeRemainder(): Line | undefined {
    if (this.#skipping || (this.#rest.length === 0 && this.#begun === undefined)) return undefined;
    const line = this.#line(this.#rest, this.#offset - this.#rest.length);
    this.#rest = new Uint8Array();
    this.#begun = undefined;
    return line;
  }

  close(): void {
    this.#file.close();
  }

  async #readBlock(): Promise<boolean> {
    const { size, mtime } = await this.#file.stat();
    if (size < this.#offset) this.#jump(0);
    if (size === this.#offset) return false;
    this.#writtenBy = mtime?.getTime() ?? Date.now();
    const block = await readAt(this.#file, this.#offset, BLOCK);
    // Checked after the read, because parts that rotation removes in between read as zeros.
    const trimmed = (await readTrimmed(this.#files))[this.#stream];
    if (this.#offset < trimmed) {
      this.#jump(trimmed);
      return true;
    }
    const begin = this.#offset - this.#rest.length;
    const bytes = new Uint8Array(this.#rest.length + block.length);
    bytes.set(this.#rest);
    bytes.set(block, this.#rest.length);
    this.#offset += block.length;
    this.#lines = [];
    this.#next = 0;
    let from = 0;
    for (let end; (end = bytes.indexOf(NEWLINE, from)) >= 0; from = end + 1) {
      this.#take(bytes, from, end, begin);
    }
    if (bytes.length - from > LOG_LINE_MAX) {
      const end = letterEnd(bytes, from + LOG_LINE_MAX);
      if (!this.#skipping) {
        this.#lines.push({ ...this.#line(bytes.subarray(from, end), begin + from), continues: true });
        this.#begun ??= begin + from;
      }
      from = end;
    }
    this.#rest = bytes.slice(from);
    return block.length > 0;
  }

  #take(bytes: Uint8Array, from: number, end: number, begin: number): void {
    if (!this.#skipping) this.#lines.push(this.#line(bytes.subarray(from, end), begin + from));
    this.#skipping = false;
    this.#begun = undefined;
  }

  #line(bytes: Uint8Array, start: number): Line {
    return { ...textOf(bytes), start: this.#begun ?? start, writtenBy: this.#writtenBy };
  }

  #jump(offset: number): void {
    this.#lines = [];
    this.#next = 0;
    // The returned part of a line is its last: another line must not continue it.
    if (this.#begun !== undefined) this.#lines.push(this.#line(new Uint8Array(), this.#begun));
    this.#begun = undefined;
    this.#offset = offset;
    this.#rest = new Uint8Array();
    this.#skipping = offset > 0;
  }
}

async function readAt(file: Deno.FsFile, offset: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  return buffer.subarray(0, await file.read(buffer) ?? 0);
}
