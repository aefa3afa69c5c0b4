/** Explains why the Engine refuses to run a command in a container. @module */
import { RuneError } from "../../model/error.ts";
import { containerSchema } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";

/**
 * Explains a command that was refused because of the container's state. Returns any other error unchanged.
 *
 * @returns `failed_precondition` (not permanent): the container does not run, or is paused.
 */
export async function explainRefusedExec(
  engine: Engine,
  id: string,
  { error, what, signal }: { error: unknown; what: string; signal: AbortSignal },
): Promise<unknown> {
  if (!(error instanceof RuneError) || error.code !== "conflict") return error;
  const refusal = (message: string, hint: string) =>
    new RuneError("failed_precondition", message, { cause: error, permanent: false, hint });
  if (await readStatus(engine, id, signal).catch(() => undefined) === "paused") {
    return refusal(
      `cannot ${what}: the container is paused`,
      "it goes on when the snapshot of its volume is taken (rune get snapshots -A), or after docker unpause",
    );
  }
  return refusal(error.message, "wait until the instance runs (rune get instances)");
}

/** The Engine's name for the state of a container; undefined if it does not exist. */
export async function readStatus(
  engine: Engine,
  id: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const options = { what: "see whether the container runs", schema: containerSchema, signal };
  return (await unlessAbsent(engine.json(`/containers/${id}/json`, options)))?.State.Status;
}
