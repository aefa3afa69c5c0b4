/**
 * A client of Caddy's admin API over its unix socket: reads and loads the configuration, and stops Caddy.
 * @module
 */
import { withDeadline } from "../../../model/deadline.ts";
import { RuneError } from "../../../model/error.ts";

/** How long Caddy may take to answer, and to load a configuration. */
const ANSWER_MS = 5_000;
const LOAD_MS = 20_000;

/** A client, which connects at the first call. */
export interface CaddyAdmin {
  /** Reads the current configuration; undefined if nothing answers on the socket. */
  config(signal: AbortSignal): Promise<unknown>;
  /**
   * Loads a configuration.
   * @throws {RuneError} `unavailable` with Caddy's message if it refuses; then the old one stays.
   */
  load(config: unknown, signal: AbortSignal): Promise<void>;
  /** Asks Caddy to stop. Does nothing if nothing answers. */
  stop(signal: AbortSignal): Promise<void>;
}

/** The message in `{"error": …}`, or the whole text. */
function sentenceOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "error" in parsed) return String(parsed.error);
  } catch {
    // The body is plain text, or empty.
  }
  return body.trim() || "it gave no reason";
}

/** Creates a client for the Caddy behind a socket. */
export function createCaddyAdmin(socket: string): CaddyAdmin {
  async function call(
    path: string,
    { method = "GET", body, timeoutMs = ANSWER_MS, signal }: {
      method?: string;
      body?: string;
      timeoutMs?: number;
      signal: AbortSignal;
    },
  ): Promise<{ ok: boolean; text: string } | undefined> {
    // A new HTTP client for each call, since Caddy replaces its listener with every configuration.
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
    const ask = async (patience: AbortSignal) => {
      const response = await fetch(`http://localhost${path}`, {
        client,
        method,
        signal: patience,
        ...(body !== undefined && { body, headers: { "content-type": "application/json" } }),
      });
      return { ok: response.ok, text: await response.text() };
    };
    try {
      return await withDeadline(ask, { ms: timeoutMs, what: "an answer of Caddy", signal });
    } catch (cause) {
      const late = cause instanceof RuneError && cause.code === "deadline_exceeded";
      if (late || signal.aborted) {
        throw new RuneError("deadline_exceeded", "Caddy did not answer in time", { cause });
      }
      return undefined;
    }
  }

  return {
    async config(signal) {
      const answer = await call("/config/", { signal });
      if (!answer?.ok) return undefined;
      return JSON.parse(answer.text) ?? {};
    },
    async load(config, signal) {
      const body = JSON.stringify(config);
      const answer = await call("/load", { method: "POST", body, timeoutMs: LOAD_MS, signal });
      if (answer?.ok) return;
      const reason = answer === undefined ? "it ended meanwhile" : sentenceOf(answer.text);
      throw new RuneError("unavailable", `Caddy did not take the routes: ${reason}`, {
        hint: "see caddy.log below node/proxy/ in the data directory",
      });
    },
    async stop(signal) {
      await call("/stop", { method: "POST", signal });
    },
  };
}
