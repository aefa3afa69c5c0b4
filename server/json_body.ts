/** Reads request bodies: bounded, UTF-8, JSON, with the place of a mistake. @module */
import { MAX_BODY_BYTES } from "../spec/api.ts";
import { RuneError } from "../spec/error.ts";
import { jsonErrorPlace } from "./json_position.ts";

/** Reads at most {@linkcode MAX_BODY_BYTES}, whatever `content-length` claims. */
async function readBytes(request: Request): Promise<Uint8Array> {
  const tooLarge = () =>
    new RuneError("payload_too_large", `the body is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB`, {
      hint: "cast fewer resources at once",
    });
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * The JSON value of a request's body.
 *
 * @throws {RuneError} `invalid_argument` for another content type, bad UTF-8 or bad JSON (with line and column);
 * `payload_too_large`.
 */
export async function readJson(request: Request): Promise<unknown> {
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
  const bytes = await readBytes(request);
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof SyntaxError
      ? `it goes wrong at ${jsonErrorPlace(text)}`
      : "it is not UTF-8";
    throw new RuneError("invalid_argument", `the body is not JSON: ${reason}`, {
      hint: "send one JSON value",
      cause: error,
    });
  }
}
