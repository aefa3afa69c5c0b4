/**
 * Attaches volumes to this droplet and detaches them. What is true at DigitalOcean counts, never the text of
 * an answer: after each refusal, error or lost answer, the volume is read again. A volume is never taken away
 * from a droplet that exists.
 * @module
 */
import { sleep } from "../../base/delay.ts";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import { actionAnswer, ActionErrored, awaitAction } from "./actions.ts";
import type { Client } from "./client.ts";
import type { Asker, Droplets } from "./droplets.ts";
import { AnswerLost, isPending, isRefusal } from "./refusals.ts";
import { type DoDroplet, type DoVolume } from "./wire.ts";
import type { Volumes } from "./volumes.ts";

/** How long to wait for another action of the droplet, in milliseconds. */
const BUSY_MS = 5_000;
const BUSY_LIMIT_MS = 300_000;
/** How often and how long to wait until the volume shows what an action did. */
const SHOWN = { times: 10, everyMs: 1_000 };

/** The options of {@linkcode createAttachments}. */
export interface AttachmentOptions {
  client: Client;
  volumes: Volumes;
  droplets: Droplets;
  pollMs?: readonly number[];
  /** For tests: waits and limits in milliseconds. */
  actionMs?: number;
  busyMs?: number;
  busyLimitMs?: number;
  lookMs?: number;
}

/** A volume and the droplet of a call. */
interface Target extends Asker {
  id: string;
  droplet: number;
}

/** See the module comment. */
export interface Attachments {
  /**
   * Attaches a volume to the droplet of this node.
   *
   * @param options.region of the storage class.
   * @returns the volume.
   * @throws {RuneError} `failed_precondition` if another droplet has it, or if the droplet is elsewhere.
   */
  attach(id: string, options: Asker & { node: string; region: string }): Promise<DoVolume>;
  /** Detaches a volume from the droplet of this node. Does nothing if it is not attached there. */
  detach(id: string, options: Asker & { node: string }): Promise<void>;
}

/** Creates the attachments of one daemon. */
export function createAttachments(options: AttachmentOptions): Attachments {
  const { client, volumes, droplets, pollMs, actionMs: limitMs, lookMs = SHOWN.everyMs } = options;
  const { busyMs = BUSY_MS, busyLimitMs = BUSY_LIMIT_MS } = options;
  // Actions of one droplet run one at a time; a second one would be refused.
  const locks = new KeyedLock();

  /** Asks for an action and waits for its end. What it did is to be read from the volume. */
  async function act(type: "attach" | "detach", { id, droplet, token, signal }: Target): Promise<void> {
    const began = performance.now();
    for (;;) {
      try {
        const { action } = await client.send("actOnVolume", {
          ...{ token, signal, schema: actionAnswer },
          path: { volume_id: id },
          body: { type, droplet_id: droplet },
        });
        return await awaitAction(client, action, { verb: type, token, signal, pollMs, limitMs });
      } catch (error) {
        if (!isPending(error)) throw error;
        if (performance.now() - began > busyLimitMs) {
          throw new RuneError("unavailable", `dovolume: ${type} waits for another action of the droplet`, {
            hint: "see its actions in DigitalOcean's console; a new droplet may be busy for some minutes",
            cause: error,
          });
        }
        await sleep(busyMs, { signal });
      }
    }
  }

  /**
   * Acts until the volume is as wanted.
   * @throws what the action threw if it is not.
   */
  async function reach(
    type: "attach" | "detach",
    target: Target,
    isDone: (volume: DoVolume | undefined) => boolean,
  ): Promise<DoVolume | undefined> {
    let failure: unknown;
    try {
      await act(type, target);
    } catch (error) {
      const mayBeDone = error instanceof ActionErrored || error instanceof AnswerLost ||
        isRefusal(error, 404, 409, 422);
      if (!mayBeDone) throw error;
      failure = error;
    }
    for (let look = 1;; look++) {
      const volume = await volumes.find(target.id, target);
      if (isDone(volume)) return volume;
      if (look === SHOWN.times || (failure !== undefined && look > 2)) break;
      await sleep(lookMs, { signal: target.signal });
    }
    throw failure ??
      new RuneError("unavailable", `dovolume: ${type} completed, but the volume does not show it`, {
        hint: "Rune tries again",
      });
  }

  /** Detaches the volume from a droplet that no longer exists. */
  async function clearStale(volume: DoVolume, own: number, asker: Asker): Promise<void> {
    for (const droplet of volume.droplet_ids.filter((id) => id !== own)) {
      const other = await droplets.find(droplet, asker);
      if (other) throw attachedElsewhere(volume, other);
      const target = { ...asker, id: volume.id, droplet };
      await reach("detach", target, (now) => !now?.droplet_ids.includes(droplet));
    }
  }

  return {
    async attach(id, { node, region, ...asker }) {
      const droplet = await droplets.findOwn(node, asker);
      const isOurs = (volume: DoVolume | undefined) => volume?.droplet_ids.includes(droplet.id) === true;
      const before = await volumes.read(id, asker);
      if (isOurs(before)) return before;
      if (droplet.region.slug !== region) throw describeOtherRegion(droplet, region);
      if (before.region.slug !== region) throw volumeElsewhere(before, region);
      const work = async () => {
        await clearStale(before, droplet.id, asker);
        return (await reach("attach", { ...asker, id, droplet: droplet.id }, isOurs))!;
      };
      try {
        return await locks.run([String(droplet.id)], { work, signal: asker.signal });
      } catch (error) {
        droplets.forget();
        throw error;
      }
    },
    async detach(id, { node, ...asker }) {
      const volume = await volumes.find(id, asker);
      if (!volume || volume.droplet_ids.length === 0) return;
      const { id: droplet } = await droplets.findOwn(node, asker);
      if (!volume.droplet_ids.includes(droplet)) return;
      const work = async () => {
        await reach("detach", { ...asker, id, droplet }, (now) => !now?.droplet_ids.includes(droplet));
      };
      await locks.run([String(droplet)], { work, signal: asker.signal });
    },
  };
}

function attachedElsewhere({ name }: DoVolume, droplet: DoDroplet): RuneError {
  return new RuneError(
    "failed_precondition",
    `dovolume: volume ${name} is attached to droplet ${droplet.name} (${droplet.id})`,
    {
      hint: "Rune never takes a volume from a droplet that exists: stop its services there and detach it, " +
        "or delete that droplet",
      permanent: false,
    },
  );
}

function describeOtherRegion(droplet: DoDroplet, region: string): RuneError {
  return new RuneError(
    "failed_precondition",
    `dovolume: region: expected ${region}, the droplet ${droplet.name} is in ${droplet.region.slug}`,
    { hint: "use a storage class of the droplet's region; to move data, restore a snapshot there" },
  );
}

function volumeElsewhere(volume: DoVolume, region: string): RuneError {
  return new RuneError(
    "failed_precondition",
    `dovolume: region: expected ${region}, the volume ${volume.name} is in ${volume.region.slug}`,
    { hint: "use a storage class of the volume's region" },
  );
}
