/** Starts, stops and removes a container. @module */
import { startTimer } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import { containerSchema } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { portError } from "./port_taken.ts";
import { resumeContainer } from "./pause.ts";
import type { StopOptions } from "../runner.ts";
import { parseSignal } from "../../model/stop_signal.ts";
import { z } from "zod";
import { BUSY, sleepQuietly } from "./busy.ts";
import { refusalOf } from "./refusals.ts";

/**
 * How many seconds the Engine's time limit of a stop exceeds Rune's. It applies if this process dies
 * meanwhile.
 */
const STOP_MARGIN_SECONDS = 1;
/** How many milliseconds the Engine may take to end a container after the container's own time. */
const STOP_LIMIT_MS = 120_000;

/**
 * Starts a created container.
 *
 * @throws {RuneError} `not_found` if the container or its network is absent; `failed_precondition` (not
 * permanent, as it may depend on the host: a port in use) with the Engine's message if it cannot start.
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

/**
 * Asks a container to end, kills it after `timeoutMs`, and returns when it has ended.
 *
 * @param options.stopSignal the signal that asks it to end; default: the one it was created with, else the
 * image's, else SIGTERM.
 * @returns whether it was killed.
 */
export async function stopContainer(
  engine: Engine,
  id: string,
  options: StopOptions,
): Promise<{ killed?: true }> {
  const { timeoutMs, signal } = options;
  let killing: Promise<{ killed?: true }> = Promise.resolve({});
  // The Engine counts in whole seconds.
  const timer = startTimer(timeoutMs, () => {
    killing = engine.send(`/containers/${id}/kill`, { what: "kill the container", method: "POST", signal })
      // It ended in the meantime; if not, the Engine's own limit is near.
      .then(() => ({ killed: true as const }), () => ({}));
  });
  try {
    if (await hasSignal(engine, id, options)) await stopByEngine(engine, id, options);
    else await stopBySignal(engine, id, options);
  } finally {
    timer.clear();
    await killing;
  }
  return await killing;
}

/** Whether the Engine would stop a container with this signal. */
async function hasSignal(engine: Engine, id: string, { stopSignal, signal }: StopOptions): Promise<boolean> {
  if (stopSignal === undefined) return true;
  const what = "see how the container is stopped";
  const found = await unlessAbsent(
    engine.json(`/containers/${id}/json`, { what, schema: containerSchema, signal }),
  );
  return !found || parseSignal(found.Config.StopSignal || "SIGTERM") === stopSignal;
}

/** Lets the Engine stop the container, which works even if this process dies in the meantime. */
async function stopByEngine(engine: Engine, id: string, { timeoutMs, signal }: StopOptions): Promise<void> {
  await unlessAbsent(engine.send(`/containers/${id}/stop`, {
    what: "stop the container",
    method: "POST",
    query: { t: String(Math.ceil(timeoutMs / 1000) + STOP_MARGIN_SECONDS) },
    signal,
    withinMs: timeoutMs + STOP_LIMIT_MS,
  }));
}

/**
 * Stops the container with another signal than the one it was created with. Before API 1.42 a stop cannot
 * name a signal.
 */
async function stopBySignal(
  engine: Engine,
  id: string,
  { timeoutMs, stopSignal, signal }: StopOptions,
): Promise<void> {
  await resumeContainer(engine, id, { signal, limit: signal });
  const asking = { what: "ask the container to end", method: "POST", signal } as const;
  const asked = await unlessAbsent(
    engine.send(`/containers/${id}/kill`, { ...asking, query: { signal: stopSignal! } }).then(() => true),
  ).catch((error) => {
    // It no longer runs.
    if (error instanceof RuneError && error.code === "conflict") return undefined;
    throw error;
  });
  if (!asked) return;
  await unlessAbsent(engine.json(`/containers/${id}/wait`, {
    what: "wait until the container has ended",
    method: "POST",
    schema: z.unknown(),
    query: { condition: "not-running" },
    signal,
    withinMs: timeoutMs + STOP_LIMIT_MS,
  }));
}

/**
 * Removes a container that does not run, with its log. Returns when it is gone.
 *
 * @param options.keepVolumes keeps the anonymous volumes that the Engine created for it, since they may have
 * data. Rune's volumes are mounts and always stay.
 * @throws {RuneError} `conflict` if it runs.
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
    // Either it runs, or an earlier removal is under way.
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
    await sleepQuietly(BUSY.everyMs, signal);
  }
  throw refusal;
}
