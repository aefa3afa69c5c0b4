/**
 * Volumes at DigitalOcean: find, create, grow and delete. Each may be repeated: a volume is known by its
 * name, so one whose creation was never answered is found.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Client } from "./client.ts";
import { deleteThing } from "./deletion.ts";
import type { Asker } from "./droplets.ts";
import { lookFor, LOOKS } from "./looks.ts";
import { AnswerLost, isRefusal } from "./refusals.ts";
import type { VolumeActions } from "./volume_actions.ts";
import { volumeAnswer } from "./volume_reader.ts";
import { type DoVolume, volumeSchema } from "./wire.ts";

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
  /** Looks for the volume with a name, which is unique in a region, until it is certainly missing. */
  searchNamed(place: { name: string; region: string }, asker: Asker): Promise<DoVolume | undefined>;
  /** All volumes of the account. */
  list(asker: Asker): Promise<DoVolume[]>;
  /**
   * Creates a volume, or finds the one of that name.
   *
   * @returns the volume, which may be somebody else's.
   */
  create(volume: NewVolume, asker: Asker): Promise<DoVolume>;
  /** Grows a volume. Does nothing if it is as large. */
  grow(volume: DoVolume, sizeGb: number, asker: Asker): Promise<DoVolume>;
  /**
   * Deletes a volume.
   * @returns whether the account had it.
   * @throws {StillInUse} if it is attached.
   */
  delete(id: string, asker: Asker): Promise<boolean>;
}

/** A volume cannot be deleted yet. */
export class StillInUse extends RuneError {
  constructor(id: string, said: string) {
    super("unavailable", `dovolume: volume ${id} cannot be deleted yet: ${said}`, {
      hint: "it is still attached to a droplet; Rune tries again",
    });
  }
}

/** @param options.lookMs for tests: the wait between looks, in milliseconds. */
export function createVolumes(
  { client, actions, lookMs = LOOKS.everyMs }: { client: Client; actions: VolumeActions; lookMs?: number },
): Volumes {
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
    searchNamed: (place, { token, signal }) =>
      lookFor(() => findNamed(place, { token, signal }), { everyMs: lookMs, signal }),
    list: (asker) => client.list("listVolumes", "volumes", { ...asker, schema: volumeSchema }),
    async create({ name, region, sizeGb, description, snapshotId }, asker) {
      const there = await findNamed({ name, region }, asker);
      if (there) return there;
      try {
        const body = {
          name,
          region,
          size_gigabytes: sizeGb,
          description,
          ...(snapshotId !== undefined && { snapshot_id: snapshotId }),
        };
        return (await client.send("createVolume", { ...asker, body, schema: volumeAnswer })).volume;
      } catch (error) {
        // It may have been created; 409 says that one of this name has been.
        if (!(error instanceof AnswerLost) && !isRefusal(error, 409, 422)) throw error;
        const volume = await lookFor(() => findNamed({ name, region }, asker), {
          ...(isRefusal(error, 422) && { times: 1 }),
          everyMs: lookMs,
          signal: asker.signal,
        });
        if (volume) return volume;
        throw error;
      }
    },
    async grow(volume, sizeGb, asker) {
      if (volume.size_gigabytes >= sizeGb) return volume;
      const [droplet] = volume.droplet_ids;
      const grown = await actions.run({
        volumeId: volume.id,
        ...(droplet !== undefined && { droplet }),
        body: { type: "resize", size_gigabytes: sizeGb, region: volume.region.slug },
        isDone: (now) => now !== undefined && now.size_gigabytes >= sizeGb,
      }, asker);
      return grown!;
    },
    async delete(id, asker) {
      try {
        const deletion = { request: "deleteVolume", path: { volume_id: id } } as const;
        return await deleteThing(client, deletion, { ...asker, lookMs });
      } catch (error) {
        if (!isRefusal(error, 409, 422)) throw error;
        throw new StillInUse(id, error.said);
      }
    },
  };
}
