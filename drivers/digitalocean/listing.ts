/** What Rune has created in an account, as other parts of the daemon see it. @module */
import type { ProvidedVolume } from "../driver.ts";
import { parseOwner } from "./names.ts";
import type { DoVolume } from "./wire.ts";

/**
 * Describes the volumes that Rune created, by their descriptions. Volumes of others are left out: nobody
 * should take them for forgotten ones.
 */
export function describeCreated(volumes: DoVolume[]): ProvidedVolume[] {
  return volumes.flatMap(({ id, name, region, size_gigabytes, droplet_ids, description, created_at }) => {
    const createdFor = parseOwner(description);
    if (!createdFor) return [];
    return [{
      handle: id,
      name,
      region: region.slug,
      sizeGb: size_gigabytes,
      attached: droplet_ids.length > 0,
      ...(created_at !== undefined && { createdAt: created_at }),
      createdFor,
    }];
  });
}
