/** Caddy's administration over its unix socket: read the configuration, load one, stop. @module */
import { withDeadline } from "../../../model/deadline.ts";
import { RuneError } from "../../../model/error.ts";

/** How long Caddy may take to answer, and to take a configuration. */
const ANSWER_MS = 5_000;
const LOAD_MS = 20_000;

/** A client; nothing is contacted before the first call. */
export interface CaddyAdmin {
  /** The configuration in force; undefined when nothing answers on the socket. */
  config(signal: AbortSignal): Promise<unknown>;
  /** @throws {RuneError} `unavailable` with Caddy's sentence when it refuses; what was in force stays so. */
  load(config: unknown, signal: AbortSignal): Promise<void>;
  /** Asks it to stop. Done when nothing answers. */
  stop(signal: AbortSignal): Promise<void>;
}

/** The sentence in `{"error": …}`, or the text. */
function sentenceOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "error" in parsed) return String(parsed.error);
  } catch {
    // Plain text, or nothing.
  }
  return body.trim() || "it gave no reason";
}

/** A client of the Caddy behind this socket. */
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
    // A client of its own for each call: Caddy replaces its listener with every configuration.
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
