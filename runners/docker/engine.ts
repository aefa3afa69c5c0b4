/**
 * A client for the Docker Engine over its unix socket. It negotiates the API version, limits each request in
 * time and size, and translates failures into RuneErrors. It does not know the meaning of requests.
 * @module
 */
import type { z } from "zod";
import { type ErrorCode, RuneError } from "../../model/error.ts";
import { type Connection, type ExchangeOptions, openConnection } from "./connection.ts";
import { createConnections } from "./connections.ts";
import { plainSentence } from "./refusals.ts";
import type { EngineRequest } from "./engine_request.ts";
import { idleBounded, withinLimit } from "./limits.ts";
import { encodeBody, parseAnswer, queryOf, readWhole } from "./wire.ts";

/** The newest API that this client was written for, and the oldest that has everything it needs. */
const NEWEST = "1.47";
const OLDEST = "1.40";

/** The most bytes of a complete answer. The list of 10,000 containers has 20 MB. */
const ANSWER_MAX = 64 * 1024 * 1024;
const SENTENCE_MAX = 64 * 1024;
const PING_MAX = 1024;

const HINT = "start Docker (systemctl start docker) and check that this user may open the socket";

const CODES: Record<number, ErrorCode> = {
  400: "invalid_argument",
  401: "permission_denied",
  403: "permission_denied",
  404: "not_found",
  409: "conflict",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

/** A client of one Engine. Each call throws only RuneError: `unavailable` when the Engine cannot be reached,
 * `deadline_exceeded` when the signal aborts, else by the Engine's status and with its sentence. */
export interface Engine {
  readonly socket: string;
  /** The API version in use, `1.41`. */
  version(signal: AbortSignal): Promise<string>;
  /** Sends a request and returns its successful response, whose body must be consumed or cancelled. */
  request(path: string, options: EngineRequest): Promise<Response>;
  /** Sends a request and returns the answer, checked against `schema`. */
  json<T>(path: string, options: EngineRequest & { schema: z.ZodType<T> }): Promise<T>;
  /** Sends a request whose answer does not matter. */
  send(path: string, options: EngineRequest): Promise<void>;
  /** Opens a connection for a protocol other than HTTP. The caller owns it. */
  connect(what: string, signal: AbortSignal): Promise<Deno.UnixConn>;
  /** Asks over a new connection that the guard has not verified. */
  askAlone<T>(
    what: string,
    options: { signal: AbortSignal; use: (ask: Ask, signal: AbortSignal) => Promise<T> },
  ): Promise<T>;
  /** Closes all connections, which ends the requests under way. */
  drop(): void;
  close(): void;
}

/**
 * Picks the API version for an Engine whose newest version is `offered`.
 *
 * @throws {RuneError} `unavailable` when the Engine is too old.
 */
export function negotiate(offered: string): string {
  if (compareVersions(offered, OLDEST) < 0) {
    throw new RuneError("unavailable", `the Docker Engine speaks API ${offered}, ${OLDEST} is needed`, {
      hint: "upgrade Docker to 19.03 or newer",
    });
  }
  return compareVersions(offered, NEWEST) < 0 ? offered : NEWEST;
}

/** Negative when API version `a` is older than `b`, 0 when they are the same. */
function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

/** Creates the error for a status from the Engine and its message. */
export function statusError(status: number, sentence: string, what: string): RuneError {
  return new RuneError(CODES[status] ?? "internal", `cannot ${what}: ${plainSentence(sentence)}`, {
    hint: "Docker's own log may say more (journalctl -u docker)",
  });
}

/** Creates the error for a request without an answer, or with an incomplete one. */
export function transportError(
  cause: unknown,
  context: { what: string; signal: AbortSignal; socket: string },
): RuneError {
  if (cause instanceof RuneError) return cause;
  if (context.signal.aborted) {
    return new RuneError("deadline_exceeded", `cannot ${context.what}: Docker did not answer in time`, {
      cause: context.signal.reason,
      hint: "look at the load of the host and at Docker's log (journalctl -u docker)",
    });
  }
  return new RuneError(
    "unavailable",
    `cannot ${context.what}: Docker cannot be reached at ${context.socket}`,
    {
      cause,
      hint: HINT,
    },
  );
}

/** Returns the message in an error body, `{"message": …}` or plain text. */
export function sentenceOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) {
      return String(parsed.message).trim();
    }
  } catch {
    // Not JSON: proxies and old Engines answer in plain text.
  }
  return body.trim() || "no reason given";
}

/** Returns the answer, or undefined if the Engine says that the object does not exist. */
export async function unlessAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RuneError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Verifies an Engine before any request. */
export interface EngineGuard {
  /** @throws {RuneError} `unavailable`, without a request, if the Engine was refused a moment ago. */
  refuseKnown(): void;
  /**
   * Verifies the Engine over one connection. All other requests use the same connection.
   *
   * @returns false if the verification holds for one request only.
   * @throws {RuneError} `unavailable` for an Engine that must not be used.
   */
  prove(ask: Ask, signal: AbortSignal): Promise<boolean>;
}

/** Requests over one connection. */
export type Ask = Pick<Engine, "json" | "send">;

/**
 * Connects lazily to the Engine at the path `socket`.
 *
 * @param guard verifies each connection before its use. Default: any Engine is accepted.
 */
export function createEngine(socket: string, guard?: EngineGuard): Engine {
  // The Engine may have another version after a restart.
  const versions = new WeakMap<Connection, string>();
  let known: string | undefined;
  const connections = createConnections(socket, async (connection, signal) => {
    await negotiateOver(connection, signal);
    try {
      return guard === undefined || await guard.prove(askOver(connection), signal);
    } catch (error) {
      throw toUnproven(error);
    }
  });

  async function withEngineErrors<T>(options: Failing, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw transportError(error, { ...options, socket });
    }
  }

  async function negotiateOver(connection: Connection, signal: AbortSignal): Promise<void> {
    const response = await connection.exchange({ method: "GET", path: "/_ping", headers: {} }, {
      head: signal,
      life: signal,
      onEnd: () => {},
    });
    await readWhole(response, PING_MAX);
    known = negotiate(response.headers.get("api-version") ?? "0");
    versions.set(connection, known);
  }

  /** Sends one request over one connection, and waits for the head of the answer. */
  async function exchange(
    connection: Connection,
    path: string,
    options: EngineRequest & Omit<ExchangeOptions, "onEnd"> & Partial<Pick<ExchangeOptions, "onEnd">>,
  ): Promise<Response> {
    const { method = "GET", head, life, onEnd = () => {} } = options;
    const response = await connection.exchange({
      method,
      path: `/v${versions.get(connection)}${path}${queryOf(options)}`,
      ...encodeBody(options),
    }, { head, life, onEnd });
    // 304: the container is already started, or already stopped.
    if (response.ok || response.status === 304) return response;
    const sentence = sentenceOf(new TextDecoder().decode(await readWhole(response, SENTENCE_MAX)));
    throw statusError(response.status, sentence, options.what);
  }

  /** Sends requests over one connection only, for a guard. */
  function askOver(connection: Connection): Ask {
    const askWhole = async (path: string, options: EngineRequest) => {
      const { signal } = options;
      const response = await exchange(connection, path, { ...options, head: signal, life: signal });
      return await readWhole(response, ANSWER_MAX);
    };
    return {
      json: async (path, options) => parseAnswer(await askWhole(path, options), options),
      send: async (path, options) => void await askWhole(path, options),
    };
  }

  /** Sends a request over a connection of the pool, and again if an idle one turns out to be dead. */
  async function askPooled(
    path: string,
    options: EngineRequest & Pick<ExchangeOptions, "head" | "life">,
  ): Promise<Response> {
    guard?.refuseKnown();
    for (;;) {
      const { connection, fresh } = options.anew
        ? { connection: await connections.takeFresh(options.head), fresh: true }
        : await connections.take(options.head);
      const onEnd = (reusable: boolean) =>
        reusable ? connections.giveBack(connection) : connections.forget(connection);
      try {
        return await exchange(connection, path, { ...options, onEnd });
      } catch (error) {
        const dead = !fresh && !connection.answered && !options.head.aborted;
        if (!dead || (options.method ?? "GET") !== "GET") throw error;
      }
    }
  }

  /** Reads the whole answer, within the time limit of the request. */
  async function askWhole(path: string, options: EngineRequest): Promise<Uint8Array> {
    return await withEngineErrors(
      options,
      () =>
        withinLimit(
          options,
          async (signal) =>
            await readWhole(await askPooled(path, { ...options, head: signal, life: signal }), ANSWER_MAX),
        ),
    );
  }

  return {
    socket,
    async version(signal) {
      if (known === undefined) {
        const what = "ask Docker for its version";
        await askWhole("/_ping", { what, signal });
      }
      return known!;
    },
    request: (path, options) =>
      withEngineErrors(options, () =>
        withinLimit(options, async (head) => {
          const response = await askPooled(path, { ...options, head, life: options.signal });
          return options.idleMs === undefined ? response : idleBounded(response, options);
        })),
    json: async (path, options) => parseAnswer(await askWhole(path, options), options),
    send: async (path, options) => void await askWhole(path, options),
    async connect(what, signal) {
      return await withEngineErrors({ what, signal }, () =>
        withinLimit({ what, signal }, async (limit) => {
          guard?.refuseKnown();
          const connection = await connections.takeFresh(limit);
          connections.forget(connection);
          return connection.handOver();
        }));
    },
    async askAlone(what, { signal, use }) {
      return await withEngineErrors({ what, signal }, () =>
        withinLimit({ what, signal }, async (limit) => {
          const connection = await openConnection(socket, limit);
          try {
            await negotiateOver(connection, limit);
            return await use(askOver(connection), limit);
          } finally {
            connection.close();
          }
        }));
    },
    drop: () => connections.drop(),
    close: () => connections.close(),
  };
}

/** A failed verification must not look like an answer to the request, above all not like "not found". */
function toUnproven(error: unknown): unknown {
  if (!(error instanceof RuneError) || isOutage(error)) return error;
  return new RuneError("unavailable", `Docker cannot be told from another one: ${error.message}`, {
    cause: error,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}

const isOutage = ({ code }: RuneError) => code === "unavailable" || code === "deadline_exceeded";

type Failing = Pick<EngineRequest, "what" | "signal">;
