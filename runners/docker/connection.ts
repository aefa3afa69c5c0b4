/**
 * A connection to the Engine, with HTTP/1.1 over its unix socket. Rune implements the protocol itself because
 * a connection always leads to the same process: what one request proves about that process holds for the
 * next request on the connection. A client that picks connections by itself cannot guarantee this if the
 * socket is replaced.
 * @module
 */
import { writeAll } from "../../base/durable.ts";
import { abortable } from "../../base/abortable.ts";
import { concat } from "./frames.ts";
import { BodyReader, Incoming } from "./incoming.ts";

/** A request. */
export interface RawRequest {
  method: string;
  /** With version and query. */
  path: string;
  headers: Record<string, string>;
  body?: Uint8Array;
}

/** How one exchange is bounded and ended. */
export interface ExchangeOptions {
  /**
   * Ends the exchange and its connection until the head of the answer has arrived. Aborts when `life` does.
   */
  head: AbortSignal;
  /** Does the same until the end of the answer's body. */
  life: AbortSignal;
  /** Called once at the end of the answer. `reusable`: the connection can take another request. */
  onEnd(reusable: boolean): void;
}

/** A connection, which supports one exchange at a time. */
export interface Connection {
  /** When it was opened, by `performance.now()`. */
  readonly openedAt: number;
  /** Whether the Engine has begun to answer the current request. */
  readonly answered: boolean;
  /** Sends a request. The body of the answer must be read to its end or cancelled. */
  exchange(request: RawRequest, options: ExchangeOptions): Promise<Response>;
  /** Calls back if the Engine closes the idle connection. */
  watch(onClosed: () => void): void;
  /** Returns the raw connection, for a protocol other than HTTP. It can take no more requests. */
  handOver(): Deno.UnixConn;
  close(): void;
}

/** Statuses whose answers have no body. */
const BODILESS = [204, 304];

/** Opens a connection to the Engine at the path `socket`. */
export async function openConnection(socket: string, signal: AbortSignal): Promise<Connection> {
  const conn = await abortable(Deno.connect({ transport: "unix", path: socket }), signal, hangUp);
  const incoming = new Incoming(conn);
  const openedAt = performance.now();
  let answered = false;

  async function exchange(request: RawRequest, options: ExchangeOptions): Promise<Response> {
    const { head, life, onEnd } = options;
    answered = false;
    const abandon = () => finish(false);
    let ended = false;
    const finish = (reusable: boolean) => {
      if (ended) return;
      ended = true;
      life.removeEventListener("abort", abandon);
      if (!reusable) hangUp(conn);
      onEnd(reusable);
    };
    life.addEventListener("abort", abandon);
    try {
      head.throwIfAborted();
      await abortable(writeAll(conn, encodeRequest(request)), head);
      const { status, headers } = await abortable(incoming.head(() => answered = true), head);
      if (BODILESS.includes(status)) {
        finish(true);
        return new Response(null, { status, headers });
      }
      return new Response(bodyOf(new BodyReader(incoming, headers), { life, finish }), { status, headers });
    } catch (error) {
      finish(false);
      throw error;
    }
  }

  return {
    openedAt,
    get answered() {
      return answered;
    },
    exchange,
    watch(onClosed) {
      // Data that arrives without a request means that the connection has ended or cannot be trusted.
      incoming.expect().then(() => onClosed(), () => onClosed());
    },
    handOver: () => conn,
    close: () => hangUp(conn),
  };
}

function bodyOf(
  reader: BodyReader,
  { life, finish }: { life: AbortSignal; finish: (reusable: boolean) => void },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      try {
        const chunk = await abortable(reader.next(), life);
        if (chunk) return controller.enqueue(chunk);
        controller.close();
        finish(reader.reusable);
      } catch (error) {
        finish(false);
        throw error;
      }
    },
    cancel: () => finish(false),
  }, { highWaterMark: 0 });
}

function encodeRequest({ method, path, headers, body }: RawRequest): Uint8Array {
  const length = body || method !== "GET" ? { "content-length": String(body?.length ?? 0) } : {};
  const lines = Object.entries({ host: "docker", ...headers, ...length }).map(([n, value]) =>
    `${n}: ${value}`
  );
  // The text after a line break would become another request.
  if (/\s/.test(path) || lines.some((line) => /[\r\n]/.test(line))) {
    throw new TypeError("a request must not hold line breaks");
  }
  const head = new TextEncoder().encode([`${method} ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
  return body ? concat(head, body) : head;
}

function hangUp(conn: Deno.UnixConn): void {
  try {
    conn.close();
  } catch {
    // It was already closed.
  }
}
