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
 * Seconds by which the Engine's time limit of a stop exceeds ours: it acts where this process dies meanwhile.
 */
const STOP_MARGIN_SECONDS = 1;
/** Milliseconds that the Engine may take to end a container beyond what the container is given. */
const STOP_LIMIT_MS = 120_000;

/**
 * Starts a created container.
 *
 * @throws {RuneError} `not_found` when the container or its network is absent, `failed_precondition` (not
 * permanent, as it may depend on the host: a port in use) with the Engine's sentence when it cannot start.
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
 * @param options.stopSignal what it is asked by; default: what it was created with, which is the image's, or
 * SIGTERM.
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
      // It ended meanwhile; if not, the Engine's own limit is near.
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

/** Whether the signal by which the Engine itself stops a container is the one that is wanted. */
async function hasSignal(engine: Engine, id: string, { stopSignal, signal }: StopOptions): Promise<boolean> {
  if (stopSignal === undefined) return true;
  const what = "see how the container is stopped";
  const found = await unlessAbsent(
    engine.json(`/containers/${id}/json`, { what, schema: containerSchema, signal }),
  );
  return !found || parseSignal(found.Config.StopSignal || "SIGTERM") === stopSignal;
}

/** By the Engine, which also acts where this process dies meanwhile. */
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
 * By another signal than the one that the container was created with: before API 1.42 the Engine takes none
 * for a stop.
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
    // It does not run any more.
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
 * @param options.keepVolumes leaves the anonymous volumes that the Engine made for it; they hold somebody's
 * data. Rune's volumes are mounts, and stay in any case.
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
    await sleepQuietly(BUSY.everyMs, signal);
  }
  throw refusal;
}
