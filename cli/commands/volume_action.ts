/** Work on one volume that is waited for: create, resize, detach, undelete, retry-provision. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Volume } from "../../model/volume.ts";
import { addGlobalFlags, type Cli, openSession, type Session } from "../client/command.ts";
import type { Goal } from "../waiting/goal.ts";
import { addWaitFlags, durationFlag, type WaitFlags, waitFor } from "../waiting/wait_flags.ts";

/** What to ask of the daemon, and when it is done. */
export interface VolumeWork {
  /** For messages: `resize`. */
  what: string;
  /** Asks; resolves to the volume as it was accepted. */
  ask(session: Session): Promise<Volume>;
  /** What the volume must have become, beside being there. */
  goal?: (volume: Volume) => Partial<Goal>;
  /** What is printed without waiting: `is being resized`. */
  accepted: string;
  /** What is printed at the end, before the state; nothing when absent. */
  done?: string;
}

/** Gives a command the flags for waiting and the shared ones. */
export function addVolumeFlags(command: CommandUnknownOpts): void {
  addWaitFlags(command);
  addGlobalFlags(command);
}

/**
 * Asks for the work, then waits until the volume has become what it asks for.
 *
 * @throws {RuneError} the daemon's refusal; as `waitFor` does.
 */
export async function workOnVolume(
  { cli, command, flags }: { cli: Cli; command: CommandUnknownOpts; flags: unknown },
  { what, ask, goal, accepted, done }: VolumeWork,
): Promise<void> {
  const session = openSession(cli, command);
  const { wait, timeout } = flags as WaitFlags;
  const timeoutMs = durationFlag(timeout);
  const volume = await ask(session);
  const { kind, namespace, name, generation } = volume;
  const title = `volume ${namespace}/${name}`;
  if (!wait) return session.terminal.out(`${title} ${accepted}\n`);
  const goals = [{ kind, namespace, name, generation, ...goal?.(volume) }];
  const [settled] = await waitFor(session, goals, { what, timeoutMs });
  const state = settled!.verdict.text;
  session.terminal.out(`${title} ${done === undefined ? state : `${done} (${state})`}\n`);
}
