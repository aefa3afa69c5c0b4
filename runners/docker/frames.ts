/**
 * The Engine's multiplexed streams: frames of `[stream, 0, 0, 0, length as 4 bytes big-endian]` and a
 * payload.
 * @module
 */
import { RuneError } from "../../model/error.ts";

/** One frame. */
export interface Frame {
  stream: "stdout" | "stderr";
  data: Uint8Array;
}

const HEADER = 8;
const STREAMS = ["stdout", "stdout", "stderr"] as const;
/** The Engine copies in parts of 16 and 32 KiB. A length beyond this is not a length but text. */
const FRAME_MAX = 1024 * 1024;
/** The Engine's own message: the payload is the text of an error. */
const SYSTEM_ERROR = 3;

/** Cuts a multiplexed byte stream into frames, wherever its chunks end. Buffers at most one frame. */
export interface FrameSplitter {
  /**
   * Returns the frames that this chunk completes. @throws {RuneError} `internal` if it is not multiplexed.
   */
  push(chunk: Uint8Array): Frame[];
  /** @throws {RuneError} `unavailable` if the stream ended inside a frame. */
  end(): void;
}

/** Creates a splitter. */
export function createFrameSplitter(): FrameSplitter {
  let held = new Uint8Array(0);
  return {
    push(chunk) {
      const frames: Frame[] = [];
      const bytes = held.length === 0 ? chunk : concat(held, chunk);
      let at = 0;
      while (bytes.length - at >= HEADER) {
        const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER);
        const length = view.getUint32(4);
        const end = at + HEADER + length;
        const kind = view.getUint8(0);
        if (kind > SYSTEM_ERROR || (view.getUint32(0) & 0xffffff) !== 0 || length > FRAME_MAX) {
          throw new RuneError("internal", "Docker's output is not a multiplexed stream", {
            hint: "the container was changed to have a terminal; let Rune make it again (rune restart)",
          });
        }
        if (bytes.length < end) break;
        const data = bytes.slice(at + HEADER, end);
        if (kind === SYSTEM_ERROR) throw new RuneError("internal", new TextDecoder().decode(data).trim());
        frames.push({ stream: STREAMS[kind]!, data });
        at = end;
      }
      held = bytes.slice(at);
      return frames;
    },
    end() {
      if (held.length === 0) return;
      throw new RuneError("unavailable", "Docker ended the output in the middle of a line", {
        hint: "try again; Docker may have been stopped meanwhile",
      });
    },
  };
}

/** {@linkcode createFrameSplitter} as a stream, with the same errors. */
export function decodeFrames(): TransformStream<Uint8Array, Frame> {
  const splitter = createFrameSplitter();
  return new TransformStream({
    transform(chunk, controller) {
      for (const frame of splitter.push(chunk)) controller.enqueue(frame);
    },
    flush: () => splitter.end(),
  });
}

/** The two arrays, one after the other. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
