/**
 * Upgrades a connection to a two-way stream, for `exec` with standard input, which fetch does not support.
 * @module
 */
import { writeAll } from "../../base/durable.ts";
import { type Engine, sentenceOf, statusError, transportError } from "./engine.ts";
import { concat } from "./frames.ts";

/** A connection after its upgrade. */
export interface Upgraded {
  conn: Deno.UnixConn;
  /** Bytes after the answer's head, which belong to the stream. */
  first: Uint8Array;
}

const HEAD_MAX = 16 * 1024;
const HEAD_END = "\r\n\r\n";

/**
 * POSTs `body` as JSON and takes over the connection. An abort before the answer closes it. Afterwards the
 * caller owns it.
 *
 * @throws {RuneError} as {@linkcode Engine} says.
 */
export async function upgrade(
  engine: Engine,
  path: string,
  options: { what: string; body: unknown; signal: AbortSignal },
): Promise<Upgraded> {
  const { signal, what } = options;
  const version = await engine.version(signal);
  let conn: Deno.UnixConn | undefined;
  const close = () => conn && hangUp(conn);
  try {
    conn = await engine.connect(what, signal);
    signal.throwIfAborted();
    signal.addEventListener("abort", close);
    const body = new TextEncoder().encode(JSON.stringify(options.body));
    const head = [
      `POST /v${version}${path} HTTP/1.1`,
      "Host: docker",
      "Connection: Upgrade",
      "Upgrade: tcp",
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
    ].join("\r\n") + HEAD_END;
    await writeAll(conn, concat(new TextEncoder().encode(head), body));
    return { conn, first: await readAnswer(conn, what) };
  } catch (error) {
    close();
    throw transportError(error, { what, signal, socket: engine.socket });
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Closes the connection. Does nothing if it is closed. */
export function hangUp(conn: Deno.UnixConn): void {
  try {
    conn.close();
  } catch {
    // It was already closed.
  }
}

/** Reads the answer's head. @returns the bytes after it. */
async function readAnswer(conn: Deno.UnixConn, what: string): Promise<Uint8Array> {
  let bytes = new Uint8Array(0);
  const readMore = async () => {
    const chunk = new Uint8Array(HEAD_MAX);
    const size = await conn.read(chunk);
    if (size === null) throw new Deno.errors.UnexpectedEof("the connection was closed");
    bytes = concat(bytes, chunk.subarray(0, size));
  };
  let end = -1;
  while (end < 0) {
    await readMore();
    end = latin1(bytes).indexOf(HEAD_END);
    if (end < 0 && bytes.length > HEAD_MAX) {
      throw new Deno.errors.InvalidData("the answer has no end of its head");
    }
  }
  const head = latin1(bytes.subarray(0, end));
  const status = Number(head.split(" ")[1]);
  const start = end + HEAD_END.length;
  // Engines that ignore the upgrade answer 200, and take over the connection all the same.
  if (status === 101 || status === 200) return bytes.slice(start);
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  while (bytes.length - start < length) await readMore();
  throw statusError(status, sentenceOf(new TextDecoder().decode(bytes.subarray(start))), what);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
