/**
 * Work on one volume that waits for its effect: create, resize, detach, undelete, retry-provision.
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Volume } from "../../model/volume.ts";
import { addGlobalFlags, type Cli, openSession, type Session } from "../client/command.ts";
import type { Goal } from "../waiting/goal.ts";
import { addWaitFlags, durationFlag, type WaitFlags, waitFor } from "../waiting/wait_flags.ts";

/** A request to the daemon, and when it is done. */
export interface VolumeWork {
  /** A word for messages: `resize`. */
  what: string;
  /** Sends the request and resolves to the accepted volume. */
  ask(session: Session): Promise<Volume>;
  /** What must be true of the volume, besides existing. */
  goal?: (volume: Volume) => Partial<Goal>;
  /** Printed with `--no-wait`: `is being resized`. */
  accepted: string;
  /** Printed at the end, before the state; nothing if absent. */
  done?: string;
}

/** Adds the flags for waiting and the shared flags. */
export function addVolumeFlags(command: CommandUnknownOpts): void {
  addWaitFlags(command);
  addGlobalFlags(command);
}

/**
 * Requests the work, then waits until the volume has carried it out.
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
