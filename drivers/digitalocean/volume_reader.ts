/**
 * Reads volumes at DigitalOcean. A read may show what was a moment ago, so a volume counts as missing only
 * after several looks.
 * @module
 */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import type { Client } from "./client.ts";
import type { Asker } from "./droplets.ts";
import { ignoreUnknown, lookFor, LOOKS } from "./looks.ts";
import { type DoVolume, volumeSchema } from "./wire.ts";

/** The schema of an answer that has a volume. */
export const volumeAnswer = z.object({ volume: volumeSchema });

/** See the module comment. */
export interface VolumeReader {
  /** Looks once. @returns undefined if DigitalOcean does not show it. It may exist all the same. */
  find(id: string, asker: Asker): Promise<DoVolume | undefined>;
  /** Looks until it is there. @returns undefined if the account does not have it. */
  search(id: string, asker: Asker): Promise<DoVolume | undefined>;
  /** Looks until it is there. @throws {RuneError} `not_found` (permanent) if it does not exist. */
  read(id: string, asker: Asker): Promise<DoVolume>;
}

/** @param options.lookMs for tests: the wait between looks, in milliseconds. */
export function createVolumeReader(
  { client, lookMs = LOOKS.everyMs }: { client: Client; lookMs?: number },
): VolumeReader {
  async function find(id: string, asker: Asker): Promise<DoVolume | undefined> {
    const request = { ...asker, path: { volume_id: id }, schema: volumeAnswer };
    return (await ignoreUnknown(client.send("readVolume", request)))?.volume;
  }

  const search = (id: string, { token, signal }: Asker): Promise<DoVolume | undefined> =>
    lookFor(() => find(id, { token, signal }), { everyMs: lookMs, signal });

  return {
    find,
    search,
    async read(id, asker) {
      const volume = await search(id, asker);
      if (volume) return volume;
      throw new RuneError("not_found", `dovolume: DigitalOcean has no volume ${id}`, {
        hint:
          "it was deleted there, or the token is one of another account; Rune makes no new one in its place",
        permanent: true,
      });
    },
  };
}
