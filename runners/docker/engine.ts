/**
 * The connection to the Docker Engine over its unix socket: negotiates the API version, sends requests, and translates
 * every failure once into a RuneError. It owns HTTP and nothing of what the requests mean.
 * @module
 */
import type { z } from "zod";
import { type ErrorCode, RuneError } from "../../spec/error.ts";

/** The newest API that this client was written for, and the oldest that has what it needs. */
const NEWEST = "1.47";
const OLDEST = "1.40";

/** Only for show, as the socket decides; but another name than this is looked up, and waited for where DNS is slow. */
const HOST = "http://localhost";

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

/** One request. */
export interface EngineRequest {
  /** What the caller is about to do, for the error's message: `start default/web-0`. */
  what: string;
  signal: AbortSignal;
  method?: "GET" | "POST" | "DELETE";
  /** Absent values are left out. */
  query?: Record<string, string | undefined>;
  headers?: Record<string, string>;
  /** Sent as JSON, or as it is when it is bytes. */
  body?: unknown;
}

/** A client of one Engine. Each call throws only RuneError: `unavailable` when the Engine cannot be reached,
 * `deadline_exceeded` when the signal aborts, else by the Engine's status and with its sentence. */
export interface Engine {
  readonly socket: string;
  /** The API version in use, `1.41`. */
  version(signal: AbortSignal): Promise<string>;
  /** The response of a request that succeeded; its body must be consumed or cancelled. */
  request(path: string, options: EngineRequest): Promise<Response>;
  /** The answer, checked. */
  json<T>(path: string, options: EngineRequest & { schema: z.ZodType<T> }): Promise<T>;
  /** For requests whose answer does not matter. */
  send(path: string, options: EngineRequest): Promise<void>;
  close(): void;
}

/**
 * The version to speak with an Engine whose newest is `offered`.
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

/** The error for a status that the Engine answered with its sentence. */
export function statusError(status: number, sentence: string, what: string): RuneError {
  return new RuneError(CODES[status] ?? "internal", `cannot ${what}: ${sentence}`, {
    hint: "Docker's own log may say more (journalctl -u docker)",
  });
}

/** The error for a request that got no answer, or not all of it. */
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

/** The Engine's sentence in an error body, `{"message": …}` or plain text. */
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

/** The answer, or undefined where the Engine says that there is no such thing. */
export async function unlessAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RuneError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Connects lazily to the Engine at the path `socket`. */
export function createEngine(socket: string): Engine {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  let known: string | undefined;

  async function guarded<T>(options: EngineRequest, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      // The Engine that comes back may be another version.
      if (!(error instanceof RuneError)) known = undefined;
      throw transportError(error, { ...options, socket });
    }
  }

  async function version(signal: AbortSignal): Promise<string> {
    if (known !== undefined) return known;
    return await guarded({ what: "ask Docker for its version", signal }, async () => {
      const response = await fetch(`${HOST}/_ping`, { client, signal });
      await response.body?.cancel();
      return known = negotiate(response.headers.get("api-version") ?? "0");
    });
  }

  async function request(path: string, options: EngineRequest): Promise<Response> {
    const prefix = `${HOST}/v${await version(options.signal)}`;
    const query = new URLSearchParams(
      Object.entries(options.query ?? {}).filter((entry): entry is [string, string] =>
        entry[1] !== undefined
      ),
    );
    const { body } = options;
    const raw = body instanceof Uint8Array;
    return await guarded(options, async () => {
      const response = await fetch(`${prefix}${path}${query.size > 0 ? `?${query}` : ""}`, {
        client,
        method: options.method ?? "GET",
        signal: options.signal,
        headers: {
          ...options.headers,
          ...(body !== undefined && { "content-type": raw ? "application/x-tar" : "application/json" }),
        },
        body: body === undefined ? undefined : raw ? body as Uint8Array<ArrayBuffer> : JSON.stringify(body),
      });
      // 304: the container is already started, or already stopped.
      if (response.ok || response.status === 304) return response;
      throw statusError(response.status, sentenceOf(await response.text()), options.what);
    });
  }

  return {
    socket,
    version,
    request,
    async json<T>(path: string, options: EngineRequest & { schema: z.ZodType<T> }) {
      const response = await request(path, options);
      const answer: unknown = await guarded(options, () => response.json());
      const parsed = options.schema.safeParse(answer);
      if (parsed.success) return parsed.data;
      throw new RuneError("internal", `cannot ${options.what}: Docker's answer has an unknown form`, {
        cause: parsed.error,
        hint: "report this with the output of docker version",
      });
    },
    async send(path, options) {
      const response = await request(path, options);
      await guarded(options, async () => void await response.arrayBuffer());
    },
    close: () => client.close(),
  };
}
