/** Reads JSON bodies of a bounded size, and reports the position of a mistake. @module */
import { MAX_BODY_BYTES } from "../../model/api.ts";
import { withDeadline } from "../../model/deadline.ts";
import { RuneError } from "../../model/error.ts";
import { jsonErrorPlace } from "./json_position.ts";
import { parseJsonTexts } from "./json_texts.ts";

/** How long a body may take to arrive. */
const ARRIVAL_MS = 120_000;
/**
 * The most bytes of all bodies in memory: of those that arrive, and of those whose requests are not answered
 * yet.
 */
const MOST_HELD = 64 * 1024 * 1024;

let held = 0;

/**
 * The memory of one body, counted against the limit for all. It is released when the request has been
 * answered.
 */
export class BodyRoom implements Disposable {
  #bytes = 0;

  /** Counts more bytes. @throws {RuneError} `unavailable` if all bodies together exceed the limit. */
  add(bytes: number): void {
    if (held + bytes > MOST_HELD) {
      throw new RuneError("unavailable", "too many large requests at once", {
        hint: "send it again in a moment",
      });
    }
    held += bytes;
    this.#bytes += bytes;
  }

  [Symbol.dispose](): void {
    held -= this.#bytes;
    this.#bytes = 0;
  }
}

/** Options for reading a body. */
export interface BodyOptions {
  room?: BodyRoom;
  /** How long the body may take to arrive, in milliseconds. Default: 120 s. */
  arrivalMs?: number;
}

/** Reads at most {@linkcode MAX_BODY_BYTES}, whatever `content-length` claims. */
async function readBytes(
  request: Request,
  { room, arrivalMs = ARRIVAL_MS }: BodyOptions,
): Promise<Uint8Array> {
  const tooLarge = () =>
    new RuneError("payload_too_large", `the body is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB`, {
      hint: "cast fewer resources at once",
    });
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const readAll = async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      size += value.length;
      if (size > MAX_BODY_BYTES) throw tooLarge();
      room?.add(value.length);
      chunks.push(value);
    }
  };
  try {
    await withDeadline(readAll, { ms: arrivalMs, what: "the body of the request" });
  } catch (error) {
    void reader.cancel().catch(() => {});
    if (!(error instanceof RuneError) || error.code !== "deadline_exceeded") throw error;
    throw new RuneError("deadline_exceeded", `the body did not arrive within ${arrivalMs / 1000} s`, {
      hint: "send less at once, or use a faster connection",
      cause: error,
    });
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** A parsed body. */
export interface JsonBody {
  value: unknown;
  /** Parses the body again and keeps the original texts of numbers. It is rarely needed. */
  texts(): unknown;
}

/**
 * Reads a request's body as JSON.
 *
 * @throws {RuneError} `invalid_argument` for another content type, bad UTF-8 or bad JSON (with line and
 * column); `payload_too_large`; `deadline_exceeded` if it does not arrive in time; `unavailable` if there are
 * too many at once.
 */
export async function readJson(request: Request, options: BodyOptions = {}): Promise<JsonBody> {
  const type = request.headers.get("content-type")?.replace(/;.*/, "").trim().toLowerCase();
  if (type !== "application/json") {
    throw new RuneError(
      "invalid_argument",
      `expected a body of application/json, found ${type ?? "no type"}`,
      {
        hint: "send the header content-type: application/json",
      },
    );
  }
  const bytes = await readBytes(request, options);
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return { value, texts: () => parseJsonTexts(text) };
  } catch (error) {
    const reason = error instanceof SyntaxError
      ? `the first mistake is at ${jsonErrorPlace(text)}`
      : "it is not UTF-8";
    throw new RuneError("invalid_argument", `the body is not JSON: ${reason}`, {
      hint: "send one JSON value",
      cause: error,
    });
  }
}
