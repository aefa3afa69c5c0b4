/** Starting, stopping and removing one container. @module */
import { startTimer } from "../../base/delay.ts";
import { RuneError } from "../../spec/error.ts";
import { containerSchema } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { portError } from "./port_taken.ts";
import { BUSY, pause } from "./pause.ts";
import { refusalOf } from "./refusals.ts";

/** Seconds by which the Engine's time limit of a stop exceeds ours: it acts where this process dies meanwhile. */
const STOP_MARGIN_SECONDS = 1;
/** Milliseconds that the Engine may take to end a container beyond what the container is given. */
const STOP_LIMIT_MS = 120_000;

/**
 * Starts a created container.
 *
 * @throws {RuneError} `not_found` when the container or its network is absent, `failed_precondition` (not permanent, as it may
 * depend on the host: a port in use) with the Engine's sentence when it cannot start.
 */
export async function startContainer(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  try {
    await engine.send(`/containers/${id}/start`, { what: "start the container", method: "POST", signal });
  } catch (error) {
    const refused = error instanceof RuneError &&
      ["invalid_argument", "conflict", "internal"].includes(error.code);
    if (!refused) throw error;
    const ofPort = await portError(error.message, error);
    throw ofPort ?? refusalOf(error.message, error) ?? new RuneError("failed_precondition", error.message, {
      cause: error,
      permanent: false,
      hint: "Docker's own log may say more (journalctl -u docker)",
    });
  }
}

/** Sends the image's stop signal (SIGTERM where it names none), SIGKILL after `timeoutMs`, and returns when it has ended. */
export async function stopContainer(
  engine: Engine,
  id: string,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const { timeoutMs, signal } = options;
  let killed: Promise<unknown> = Promise.resolve();
  // The Engine knows the image's stop signal, but counts in whole seconds.
  const timer = startTimer(timeoutMs, () => {
    killed = engine.send(`/containers/${id}/kill`, { what: "kill the container", method: "POST", signal })
      // It ended meanwhile; if not, the Engine's own limit is near.
      .catch(() => undefined);
  });
  try {
    await unlessAbsent(engine.send(`/containers/${id}/stop`, {
      what: "stop the container",
      method: "POST",
      query: { t: String(Math.ceil(timeoutMs / 1000) + STOP_MARGIN_SECONDS) },
      signal,
      withinMs: timeoutMs + STOP_LIMIT_MS,
    }));
  } finally {
    timer.clear();
    await killed;
  }
}

/**
 * Removes a container that does not run, with its log. Returns when it is gone.
 *
 * @param options.keepVolumes leaves the anonymous volumes that the Engine made for it; they hold somebody's data. Rune's volumes
 * are mounts, and stay in any case.
 * @throws {RuneError} `conflict` when it runs.
 */
export async function removeContainer(
  engine: Engine,
  id: string,
  { keepVolumes, signal }: { keepVolumes: boolean; signal: AbortSignal },
): Promise<void> {
  try {
    await unlessAbsent(engine.send(`/containers/${id}`, {
      what: "remove the container",
      method: "DELETE",
      query: { v: keepVolumes ? "0" : "1" },
      signal,
    }));
  } catch (error) {
    if (!(error instanceof RuneError) || error.code !== "conflict") throw error;
    // Either it runs, or its removal was asked for before and is under way.
    await awaitRemoval(engine, id, { refusal: error, signal });
  }
}

async function awaitRemoval(
  engine: Engine,
  id: string,
  { refusal, signal }: { refusal: RuneError; signal: AbortSignal },
): Promise<void> {
  for (let attempt = 0; attempt < BUSY.times; attempt++) {
    const what = "see whether the container is removed";
    const container = await unlessAbsent(
      engine.json(`/containers/${id}/json`, { what, schema: containerSchema, signal }),
    );
    if (!container) return;
    if (["running", "paused", "restarting"].includes(container.State.Status)) {
      throw new RuneError("conflict", refusal.message, { cause: refusal, hint: "stop it first" });
    }
    await pause(BUSY.everyMs, signal);
  }
  throw refusal;
}
