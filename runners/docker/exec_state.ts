/** The Engine's state of a command for a container. @module */
import { z } from "zod";
import { type Engine, unlessAbsent } from "./engine.ts";

/** What Rune reads of `GET /exec/{id}/json`. */
const execSchema = z.object({
  Running: z.boolean(),
  ExitCode: z.number().nullish(),
  /** 0 until the command runs. */
  Pid: z.number(),
  ContainerID: z.string(),
});
/** See {@linkcode readExec}. */
export type ExecState = z.infer<typeof execSchema>;

/** Reads the state of a command; undefined when the Engine no longer knows it. */
export async function readExec(
  engine: Engine,
  exec: string,
  options: { what: string; signal: AbortSignal },
): Promise<ExecState | undefined> {
  return await unlessAbsent(engine.json(`/exec/${exec}/json`, { ...options, schema: execSchema }));
}

/** Whether the Engine has begun to start the command, and the command does not run yet. */
export const isBeingStarted = ({ Running, Pid }: ExecState): boolean => Running && Pid === 0;

/** Whether the command ended, or could not be started. */
export const hasEnded = ({ Running, ExitCode }: ExecState): boolean =>
  !Running && typeof ExitCode === "number";
