/** The transport to the daemon: requests, event streams, and their failures as RuneErrors. @module */
import { startDeadline } from "../../base/delay.ts";
import type { Problem } from "../../model/api.ts";
import { DEFAULT_SERVER } from "../../model/endpoint.ts";
import { ERROR_CODES, type ErrorCode, RuneError } from "../../model/error.ts";
import { EXEC_PROTOCOL } from "../../model/exec_protocol.ts";
import { readEvents, type ServerEvent } from "./sse.ts";

/** The timeout of an ordinary request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Streams carry a comment every 15 s. If three are missing, the connection is gone. */
const STREAM_IDLE_MS = 45_000;

/** Query parameters; undefined ones are left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** Options of {@linkcode Client.request}. */
export interface RequestOptions {
  query?: Query;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** A client of one daemon. Every call throws only RuneError. */
export interface Client {
  readonly server: string;
  /**
   * Sends a request and parses its JSON answer.
   *
   * @throws {RuneError} the daemon's problem; `unavailable` if it cannot be reached; `deadline_exceeded`
   * after the timeout.
   */
  request<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
  /**
   * Sends a request whose answer is a stream of bytes of any length. @throws {RuneError} as `request`, also
   * through the stream.
   */
  download(
    method: string,
    path: string,
    options: { body?: unknown; signal?: AbortSignal },
  ): Promise<ReadableStream<Uint8Array>>;
  /**
   * The events of a stream until the server ends it. @throws {RuneError} as `request`; `unavailable` if the
   * connection breaks.
   */
  stream(path: string, options: { query?: Query; signal?: AbortSignal }): AsyncGenerator<ServerEvent>;
  /** Opens the WebSocket of an exec, with this client's credentials. */
  openSocket(path: string): WebSocket;
}

/** A name as a path segment. */
export const segment = (name: string): string => encodeURIComponent(name);

function urlOf(server: string, path: string, query: Query = {}): URL {
  const url = new URL(path, server);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

/** The error for a daemon that cannot be reached, with its address and a hint. */
function unreachableError(server: string, cause?: unknown): RuneError {
  return new RuneError("unavailable", `cannot reach the Rune daemon at ${server}`, {
    hint: server === DEFAULT_SERVER
      ? "start it with: rune serve"
      : "start it with: rune serve, or name another address with --server or RUNE_SERVER",
    cause,
  });
}

/** The error for a certificate that is not trusted; undefined for any other failure. */
function findDistrust(server: string, cause: unknown): RuneError | undefined {
  const text = cause instanceof Error ? `${cause.message} ${cause.cause ?? ""}` : "";
  const reason = /invalid peer certificate: ([A-Za-z]+)/.exec(text)?.[1];
  if (reason === undefined) return undefined;
  return new RuneError("unavailable", `the certificate of ${server} is not trusted (${reason})`, {
    hint: reason === "Other"
      ? "a server's certificate must not be a CA certificate: create it with basicConstraints=critical,CA:FALSE"
      : "pass the certificate that signed it with --tls-ca, and address the daemon by a name in its certificate",
    cause,
  });
}

const foreignAnswerError = (server: string, what: string) =>
  new RuneError("internal", `${server} answered with ${what}`, {
    hint: "is a Rune daemon of this version listening at that address? see --server and RUNE_SERVER",
  });

const isProblem = (value: unknown): value is Problem =>
  typeof value === "object" && value !== null &&
  typeof (value as Problem).detail === "string" &&
  (ERROR_CODES as readonly string[]).includes((value as Problem).code);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error that a problem document describes. */
export function problemError(problem: Problem): RuneError {
  return new RuneError(problem.code as ErrorCode, problem.detail, {
    ...(problem.hint !== undefined && { hint: problem.hint }),
    ...(problem.issues && { issues: problem.issues }),
  });
}

/** Options of a client. */
export interface ClientOptions {
  /** Receives a line for every request (`--verbose`). */
  log?: (line: string) => void;
  token?: string;
  /** Certificates to trust, PEM. */
  ca?: string;
}

/** Creates a client of the daemon at this origin. Does not connect yet. */
export function createClient(server: string, options: ClientOptions = {}): Client {
  const { log, token, ca } = options;
  const authorization: Record<string, string> = token === undefined
    ? {}
    : { authorization: `Bearer ${token}` };
  const http = ca === undefined ? undefined : Deno.createHttpClient({ caCerts: [ca] });

  async function send(url: URL, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const started = performance.now();
    let response: Response;
    try {
      response = await fetch(url, {
        ...init,
        headers: { ...init.headers as Record<string, string>, ...authorization },
        signal,
        redirect: "error",
        ...(http && { client: http }),
      });
    } catch (error) {
      if (!signal.aborted) throw findDistrust(server, error) ?? unreachableError(server, error);
      const reason: unknown = signal.reason;
      if (reason instanceof DOMException && reason.name === "TimeoutError") {
        throw new RuneError("deadline_exceeded", `the daemon at ${server} did not answer in time`, {
          hint: "check its log; it may be busy, or its disk may be full",
        });
      }
      throw reason;
    }
    log?.(
      `${init.method} ${url.pathname}${url.search} ${response.status} ${
        Math.round(performance.now() - started)
      }ms`,
    );
    if (response.ok) return response;
    const problem = parseJson(await response.text().catch(() => ""));
    throw isProblem(problem)
      ? problemError(problem)
      : foreignAnswerError(server, `HTTP status ${response.status}`);
  }

  async function* passBytes(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* stream;
    } catch (error) {
      if (error instanceof DOMException) throw error;
      throw new RuneError("unavailable", `the connection to the daemon at ${server} broke`, {
        hint: "check its log for the reason, then run the command again",
        cause: error,
      });
    }
  }

  return {
    server,
    async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
      using deadline = startDeadline(options.timeoutMs ?? REQUEST_TIMEOUT_MS);
      const signal = options.signal ? AbortSignal.any([deadline.signal, options.signal]) : deadline.signal;
      const init: RequestInit = { method, headers: { accept: "application/json" } };
      if (options.body !== undefined) {
        init.body = JSON.stringify(options.body);
        init.headers = { ...init.headers, "content-type": "application/json" };
      }
      const response = await send(urlOf(server, path, options.query), init, signal);
      let text: string;
      try {
        text = await response.text();
      } catch (error) {
        throw unreachableError(server, error);
      }
      if (text === "") return undefined as T;
      const value = parseJson(text);
      if (value === undefined) throw foreignAnswerError(server, "something other than JSON");
      return value as T;
    },
    async download(method, path, { body, signal = new AbortController().signal }) {
      const init = { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const { body: stream } = await send(urlOf(server, path), init, signal);
      if (!stream) throw foreignAnswerError(server, "nothing");
      return ReadableStream.from(passBytes(stream));
    },
    async *stream(path, options) {
      const connect = new AbortController();
      const timer = setTimeout(
        () => connect.abort(new DOMException("no answer", "TimeoutError")),
        REQUEST_TIMEOUT_MS,
      );
      const signal = options.signal ? AbortSignal.any([connect.signal, options.signal]) : connect.signal;
      let response: Response;
      try {
        const init = { method: "GET", headers: { accept: "text/event-stream" } };
        response = await send(urlOf(server, path, options.query), init, signal);
      } finally {
        clearTimeout(timer);
      }
      if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) {
        await response.body?.cancel();
        throw foreignAnswerError(server, "something other than an event stream");
      }
      try {
        for await (const event of readEvents(response.body, { idleMs: STREAM_IDLE_MS })) {
          if (event.event !== "problem") yield event;
          else {
            const problem = parseJson(event.data);
            throw isProblem(problem)
              ? problemError(problem)
              : foreignAnswerError(server, "a problem without a code");
          }
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof RuneError) throw error;
        throw new RuneError("unavailable", `the connection to the daemon at ${server} broke`, {
          hint: "run the command again",
          cause: error,
        });
      } finally {
        connect.abort();
      }
    },
    openSocket: (path) =>
      new WebSocket(urlOf(server.replace(/^http/, "ws"), path), {
        headers: authorization,
        protocols: [EXEC_PROTOCOL],
        ...(http && { client: http }),
      }),
  };
}
