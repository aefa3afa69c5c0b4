/**
 * Deletes something at DigitalOcean. One 404 says little: answers may show what was a moment ago. So
 * something counts as gone only after several of them.
 * @module
 */
import { sleep } from "../../base/delay.ts";
import { type Client, NOTHING } from "./client.ts";
import type { Asker } from "./droplets.ts";
import { isRefusal } from "./refusals.ts";
import { LOOKS } from "./volume_reader.ts";

/** What to delete, by the name and the path of its request. */
export type Deletion =
  | { request: "deleteVolume"; path: { volume_id: string } }
  | { request: "deleteSnapshot"; path: { snapshot_id: string } };

/**
 * Sends a deletion until DigitalOcean has carried it out, or has said several times that it knows no such
 * thing.
 *
 * @param options.lookMs the wait between two attempts, in milliseconds.
 * @returns whether the account had it.
 */
export async function deleteThing(
  client: Client,
  { request, path }: Deletion,
  { lookMs, ...asker }: Asker & { lookMs: number },
): Promise<boolean> {
  for (let attempt = 1;; attempt++) {
    try {
      await client.send(request, { ...asker, path, schema: NOTHING });
      return true;
    } catch (error) {
      if (!isRefusal(error, 404)) throw error;
      if (attempt === LOOKS.times) return false;
      await sleep(lookMs, { signal: asker.signal });
    }
  }
}
