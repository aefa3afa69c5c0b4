/**
 * Carries out actions on volumes: attach, detach, resize. What is true at DigitalOcean counts, never the text
 * of an answer: after each refusal, error or lost answer, the volume is read again.
 * @module
 */
import { sleep } from "../../base/delay.ts";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import { actionAnswer, ActionErrored, awaitAction } from "./actions.ts";
import type { Client } from "./client.ts";
import type { Asker } from "./droplets.ts";
import { LOOKS } from "./looks.ts";
import { AnswerLost, isPending, isRefusal } from "./refusals.ts";
import { type VolumeReader } from "./volume_reader.ts";
import type { DoVolume } from "./wire.ts";

/** How long to wait for another action of the droplet, in milliseconds. */
const BUSY_MS = 5_000;
const BUSY_LIMIT_MS = 300_000;
/** How often to look for what an action did, if it failed as far as one knows. */
const LOOKS_AFTER_FAILURE = 3;

/** The options of {@linkcode createVolumeActions}. */
export interface VolumeActionOptions {
  client: Client;
  reader: VolumeReader;
  /** Waits in milliseconds, for tests. */
  pollMs?: readonly number[];
  busyMs?: number;
  busyLimitMs?: number;
  lookMs?: number;
  actionMs?: number;
}

/** An action on a volume. */
export interface VolumeAction {
  volumeId: string;
  /** The droplet that it concerns, if any. */
  droplet?: number;
  /** What DigitalOcean is asked. */
  body: { type: "attach" | "detach" | "resize" } & Record<string, string | number>;
  /** Whether the volume is as the action leaves it. @param volume undefined if it does not exist. */
  isDone(volume: DoVolume | undefined): boolean;
}

/** See the module comment. */
export interface VolumeActions {
  /**
   * Acts until the volume is as wanted. Waits while the droplet is busy with something else.
   *
   * @returns the volume.
   * @throws what went wrong, if the volume is not as wanted.
   */
  run(action: VolumeAction, asker: Asker): Promise<DoVolume | undefined>;
}

/** Creates the actions of one daemon. */
export function createVolumeActions(options: VolumeActionOptions): VolumeActions {
  const { client, reader, pollMs, actionMs: limitMs, lookMs = LOOKS.everyMs } = options;
  const { busyMs = BUSY_MS, busyLimitMs = BUSY_LIMIT_MS } = options;
  // Actions of one droplet run one at a time; a second one would be refused.
  const locks = new KeyedLock();

  /** Asks for the action and waits for its end. */
  async function act({ volumeId, body }: VolumeAction, asker: Asker): Promise<void> {
    const began = performance.now();
    for (;;) {
      try {
        const request = { ...asker, path: { volume_id: volumeId }, body, schema: actionAnswer };
        const { action } = await client.send("actOnVolume", request);
        return await awaitAction(client, action, { ...asker, verb: body.type, pollMs, limitMs });
      } catch (error) {
        if (!isPending(error)) throw error;
        if (performance.now() - began > busyLimitMs) {
          throw new RuneError(
            "unavailable",
            `dovolume: ${body.type} waits for another action of the droplet`,
            {
              hint: "see its actions in DigitalOcean's console; a new droplet may be busy for some minutes",
              cause: error,
            },
          );
        }
        await sleep(busyMs, { signal: asker.signal });
      }
    }
  }

  async function reach(action: VolumeAction, asker: Asker): Promise<DoVolume | undefined> {
    let failure: unknown;
    try {
      await act(action, asker);
    } catch (error) {
      const mayBeDone = error instanceof ActionErrored || error instanceof AnswerLost ||
        isRefusal(error, 404, 409, 422);
      if (!mayBeDone) throw error;
      failure = error;
    }
    for (let look = 1; look <= (failure ? LOOKS_AFTER_FAILURE : LOOKS.times); look++) {
      if (look > 1) await sleep(lookMs, { signal: asker.signal });
      const volume = await reader.find(action.volumeId, asker);
      if (action.isDone(volume)) return volume;
    }
    const { type } = action.body;
    throw failure ??
      new RuneError("unavailable", `dovolume: ${type} completed, but the volume does not show it`, {
        hint: "Rune tries again",
      });
  }

  return {
    run: (action, asker) =>
      locks.run([String(action.droplet ?? action.volumeId)], {
        work: () => reach(action, asker),
        signal: asker.signal,
      }),
  };
}
