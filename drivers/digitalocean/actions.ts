/** Waits for actions of DigitalOcean, which run after the request is answered. @module */
import { z } from "zod";
import { sleep } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import { abortError } from "../host_error.ts";
import type { Client } from "./client.ts";
import { isRefusal } from "./refusals.ts";
import { actionSchema, type DoAction } from "./wire.ts";

/** How long an action may take, in milliseconds. Attaching takes up to 15 seconds. */
export const ACTION_MS = 120_000;
/** The waits between looks at an action. The last one repeats. */
export const POLL_MS = [1000, 1000, 2000, 2000, 3000, 5000];

/** The schema of an answer that has an action. */
export const actionAnswer = z.object({ action: actionSchema });

/**
 * Waits until an action has completed.
 *
 * @param options.verb what the action does: `attach`.
 * @throws {ActionErrored} if DigitalOcean reports that it failed, without a reason: look at the volume.
 * {RuneError} `deadline_exceeded` if it takes too long.
 */
export async function awaitAction(
  client: Client,
  action: DoAction,
  { verb, token, signal, pollMs = POLL_MS, limitMs = ACTION_MS }: {
    verb: string;
    token: string;
    signal: AbortSignal;
    pollMs?: readonly number[] | undefined;
    limitMs?: number | undefined;
  },
): Promise<void> {
  const began = performance.now();
  let { status } = action;
  for (let n = 0; status === "in-progress"; n++) {
    if (performance.now() - began > limitMs) {
      throw new RuneError(
        "deadline_exceeded",
        `dovolume: action ${action.id} (${verb}) has not ended after ${Math.round(limitMs / 1000)} s`,
        { hint: "Rune looks again; DigitalOcean's status page may say more" },
      );
    }
    await wait(pollMs[Math.min(n, pollMs.length - 1)]!, { verb, signal });
    try {
      ({ action: { status } } = await client.send("readAction", {
        token,
        signal,
        path: { action_id: action.id },
        schema: actionAnswer,
      }));
    } catch (error) {
      // A new action may be unknown for a moment.
      if (!isRefusal(error, 404)) throw error;
    }
  }
  if (status === "errored") throw new ActionErrored(action.id, verb);
}

/** DigitalOcean reports that an action failed. The work may have been done in spite of that. */
export class ActionErrored extends RuneError {
  constructor(id: number, verb: string) {
    super("unavailable", `dovolume: action ${id} (${verb}) errored`, {
      hint: "DigitalOcean gives no reason; Rune tries again. See the volume in DigitalOcean's console",
    });
  }
}

async function wait(ms: number, { verb, signal }: { verb: string; signal: AbortSignal }): Promise<void> {
  try {
    await sleep(ms, { signal });
  } catch {
    throw abortError(`dovolume: ${verb}`, signal);
  }
}
