/**
 * Pauses and resumes one container. The Engine freezes all of its processes.
 *
 * A pause first waits for every command that is being started in the container, even one that another daemon
 * or a person started; see pause_lock.ts. The Engine refuses to start a command in a paused container.
 * @module
 */
import { type Container, containerSchema } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { isBeingStarted, readExec } from "./exec_state.ts";
import { BUSY, sleepQuietly } from "./busy.ts";

/** Options of a pause or resume. */
interface ChangeOptions {
  /** Aborts the parts that can be given up. */
  signal: AbortSignal;
  /** Aborts the request that changes the container. */
  limit: AbortSignal;
}

async function inspectContainer(
  engine: Engine,
  id: string,
  signal: AbortSignal,
): Promise<Container | undefined> {
  const what = "see whether the container is paused";
  return await unlessAbsent(engine.json(`/containers/${id}/json`, { what, schema: containerSchema, signal }));
}

/**
 * Freezes a running container, and returns when nothing in it runs. Does nothing if it is paused or does not
 * run.
 *
 * @throws the signal's reason when it aborts while a command is still being started in the container.
 */
export async function pauseContainer(engine: Engine, id: string, options: ChangeOptions): Promise<void> {
  await change(engine, id, { ...options, from: "running", call: "pause" });
}

/** Resumes a container. Does nothing if it is not paused. */
export async function resumeContainer(engine: Engine, id: string, options: ChangeOptions): Promise<void> {
  await change(engine, id, { ...options, from: "paused", call: "unpause" });
}

async function change(
  engine: Engine,
  id: string,
  { from, call, signal, limit }: ChangeOptions & { from: string; call: "pause" | "unpause" },
): Promise<void> {
  const container = await inspectContainer(engine, id, signal);
  if (container?.State.Status !== from) return;
  if (call === "pause") await awaitStarts(engine, container, signal);
  try {
    await engine.send(`/containers/${id}/${call}`, {
      what: `${call} the container`,
      method: "POST",
      signal: limit,
    });
  } catch (error) {
    // It ended, or somebody else did the same, between the check and the call.
    if ((await inspectContainer(engine, id, signal))?.State.Status === from) throw error;
  }
}

/** Waits until no command is being started in the container. */
async function awaitStarts(engine: Engine, { ExecIDs }: Container, signal: AbortSignal): Promise<void> {
  for (const exec of ExecIDs ?? []) {
    while (true) {
      const state = await readExec(engine, exec, { what: "see whether a command has started", signal });
      if (!state || !isBeingStarted(state)) break;
      await sleepQuietly(BUSY.everyMs, signal);
      signal.throwIfAborted();
    }
  }
}
