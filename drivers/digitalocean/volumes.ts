/**
 * Volumes at DigitalOcean: find, create, grow and delete. Each may be repeated: a volume is known by its
 * name, so one whose creation was never answered is found.
 * @module
 */
import { z } from "zod";
import { sleep } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import { actionAnswer, ActionErrored, awaitAction } from "./actions.ts";
import { type Client, NOTHING } from "./client.ts";
import type { Asker } from "./droplets.ts";
import { AnswerLost, isPending, isRefusal } from "./refusals.ts";
import { type DoVolume, volumeSchema } from "./wire.ts";

const answer = z.object({ volume: volumeSchema });

/** How often and how long to look for a volume whose creation was not answered, in milliseconds. */
const LOOKS = { times: 5, everyMs: 2_000 };

/** A volume to create. */
export interface NewVolume {
  name: string;
  region: string;
  sizeGb: number;
  description: string;
  /** The snapshot to fill it from, which then decides its size. */
  snapshotId?: string;
}

/** See the module comment. */
export interface Volumes {
  /** @returns undefined if it does not exist. */
  find(id: string, asker: Asker): Promise<DoVolume | undefined>;
  /** @throws {RuneError} `not_found` (permanent) if it does not exist. */
  read(id: string, asker: Asker): Promise<DoVolume>;
  /** The volume with a name, which is unique in a region. */
  findNamed(place: { name: string; region: string }, asker: Asker): Promise<DoVolume | undefined>;
  /** All volumes of the account. */
  list(asker: Asker): Promise<DoVolume[]>;
  /**
   * Creates a volume, or finds the one of that name.
   *
   * @returns the volume, and whether it was there before this call.
   */
  create(volume: NewVolume, asker: Asker): Promise<{ volume: DoVolume; found: boolean }>;
  /** Grows a volume. Does nothing if it is as large. */
  grow(volume: DoVolume, sizeGb: number, asker: Asker): Promise<DoVolume>;
  /** Deletes a volume. Does nothing if it is gone. @throws {RuneError} `unavailable` if it is attached. */
  delete(id: string, asker: Asker): Promise<void>;
}

/** @param options.lookMs for tests: the wait between looks, in milliseconds. */
export function createVolumes(
  { client, pollMs, lookMs = LOOKS.everyMs }: {
    client: Client;
    pollMs?: readonly number[];
    lookMs?: number;
  },
): Volumes {
  async function read(id: string, asker: Asker): Promise<DoVolume> {
    const request = { ...asker, path: { volume_id: id }, schema: answer };
    return (await client.send("readVolume", request)).volume;
  }

  async function find(id: string, asker: Asker): Promise<DoVolume | undefined> {
    try {
      return await read(id, asker);
    } catch (error) {
      if (isRefusal(error, 404)) return undefined;
      throw error;
    }
  }

  async function findNamed(
    { name, region }: { name: string; region: string },
    asker: Asker,
  ): Promise<DoVolume | undefined> {
    const found = (await client.list("listVolumes", "volumes", {
      ...asker,
      query: { name, region },
      schema: volumeSchema,
    })).filter((volume) => volume.name === name && volume.region.slug === region);
    if (found.length < 2) return found[0];
    throw new RuneError("conflict", `dovolume: ${found.length} volumes have the name ${name} in ${region}`, {
      hint: `delete the wrong one in DigitalOcean's console: ${found.map(({ id }) => id).join(", ")}`,
      permanent: false,
    });
  }

  return {
    find,
    async read(id, asker) {
      const volume = await find(id, asker);
      if (volume) return volume;
      throw new RuneError("not_found", `dovolume: DigitalOcean has no volume ${id}`, {
        hint:
          "it was deleted there, or the token is one of another account; Rune makes no new one in its place",
        permanent: true,
      });
    },
    findNamed,
    list: (asker) => client.list("listVolumes", "volumes", { ...asker, schema: volumeSchema }),
    async create({ name, region, sizeGb, description, snapshotId }, asker) {
      const there = await findNamed({ name, region }, asker);
      if (there) return { volume: there, found: true };
      try {
        const body = {
          name,
          region,
          size_gigabytes: sizeGb,
          description,
          ...(snapshotId !== undefined && { snapshot_id: snapshotId }),
        };
        return {
          volume: (await client.send("createVolume", { ...asker, body, schema: answer })).volume,
          found: false,
        };
      } catch (error) {
        // It may have been created; 409 says that one of this name has been.
        if (!(error instanceof AnswerLost) && !isRefusal(error, 409, 422)) throw error;
        for (let look = 1; look <= LOOKS.times; look++) {
          const volume = await findNamed({ name, region }, asker);
          if (volume) return { volume, found: false };
          if (look < LOOKS.times && !isRefusal(error, 422)) await sleep(lookMs, { signal: asker.signal });
          else break;
        }
        throw error;
      }
    },
    async grow(volume, sizeGb, asker) {
      if (volume.size_gigabytes >= sizeGb) return volume;
      let failure: unknown;
      try {
        const { action } = await client.send("actOnVolume", {
          ...asker,
          path: { volume_id: volume.id },
          body: { type: "resize", size_gigabytes: sizeGb, region: volume.region.slug },
          schema: actionAnswer,
        });
        await awaitAction(client, action, { ...asker, verb: "resize", ...(pollMs && { pollMs }) });
      } catch (error) {
        const mayBeDone = error instanceof ActionErrored || error instanceof AnswerLost ||
          isRefusal(error, 409, 422);
        if (!mayBeDone || isPending(error)) throw error;
        failure = error;
      }
      for (let look = 1;; look++) {
        const now = await read(volume.id, asker);
        if (now.size_gigabytes >= sizeGb) return now;
        if (failure !== undefined) throw failure;
        if (look === LOOKS.times) break;
        await sleep(lookMs, { signal: asker.signal });
      }
      throw new RuneError("unavailable", `dovolume: the resize of ${volume.name} does not show yet`, {
        hint: "Rune tries again",
      });
    },
    async delete(id, asker) {
      try {
        await client.send("deleteVolume", { ...asker, path: { volume_id: id }, schema: NOTHING });
      } catch (error) {
        if (isRefusal(error, 404)) return;
        if (!isRefusal(error, 409, 422)) throw error;
        throw new RuneError("unavailable", `dovolume: volume ${id} cannot be deleted yet: ${error.said}`, {
          hint: "it is still attached to a droplet; Rune tries again",
          cause: error,
        });
      }
    },
  };
}
