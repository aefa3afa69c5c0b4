/** Pausing and resuming one container: the Engine freezes all of its processes. @module */
import { containerSchema } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";

/** The Engine's word for the container's state, undefined when it is absent. */
async function statusOf(engine: Engine, id: string, signal: AbortSignal): Promise<string | undefined> {
  const what = "see whether the container is paused";
  const found = await unlessAbsent(
    engine.json(`/containers/${id}/json`, { what, schema: containerSchema, signal }),
  );
  return found?.State.Status;
}

/**
 * Freezes a running container; returns when nothing in it runs. Done when it is paused already, or does not
 * run.
 */
export async function pauseContainer(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  await change(engine, id, { from: "running", call: "pause", signal });
}

/** Lets a paused container go on. Done when it is not paused. */
export async function resumeContainer(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  await change(engine, id, { from: "paused", call: "unpause", signal });
}

async function change(
  engine: Engine,
  id: string,
  options: { from: string; call: "pause" | "unpause"; signal: AbortSignal },
): Promise<void> {
  const { from, call, signal } = options;
  if (await statusOf(engine, id, signal) !== from) return;
  try {
    await engine.send(`/containers/${id}/${call}`, { what: `${call} the container`, method: "POST", signal });
  } catch (error) {
    // It ended, or somebody else did the same, between the look and the call.
    if (await statusOf(engine, id, signal) === from) throw error;
  }
}
