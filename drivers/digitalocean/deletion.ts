/**
 * Deletes something at DigitalOcean. One 404 says little: answers may show what was a moment ago. So
 * something counts as gone only after several of them.
 * @module
 */
import { type Client, NOTHING } from "./client.ts";
import type { Asker } from "./droplets.ts";
import { ignoreUnknown, lookFor } from "./looks.ts";

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
  const send = async () => {
    await client.send(request, { ...asker, path, schema: NOTHING });
    return true;
  };
  return await lookFor(() => ignoreUnknown(send()), { everyMs: lookMs, signal: asker.signal }) ?? false;
}
