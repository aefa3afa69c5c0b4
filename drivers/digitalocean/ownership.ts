/**
 * Says whose a volume at DigitalOcean is, from its name and its description. Two hosts of one account never
 * use each other's volumes, and what Rune did not create it uses only if a user names it.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { VolumeContext } from "../driver.ts";
import { describeOwner, parseOwner, volumeNameOf } from "./names.ts";
import type { DoVolume } from "./wire.ts";

const ownerOf = ({ installation, volume: { namespace, name, uid } }: VolumeContext) => ({
  installation,
  namespace,
  name,
  uid,
});

/** The name of a volume of Rune at DigitalOcean. */
export const nameOf = (ctx: VolumeContext): string => volumeNameOf(ownerOf(ctx));

/** The description that the volume gets. */
export const describeVolume = (ctx: VolumeContext): string => describeOwner(ownerOf(ctx));

/** Whether a volume has data of before: it was not created for this very volume of Rune. */
export const isAdopted = ({ description }: DoVolume, { volume: { uid } }: VolumeContext): boolean =>
  parseOwner(description)?.uid !== uid;

/**
 * Asserts that a volume with our name was created by Rune for this name.
 * @throws {RuneError} `already_exists` (permanent).
 */
export function assertOurs(volume: DoVolume, ctx: VolumeContext): void {
  const owner = parseOwner(volume.description);
  const { installation, namespace, name } = ownerOf(ctx);
  if (owner?.installation === installation && owner.namespace === namespace && owner.name === name) return;
  throw alreadyThere(volume, ctx);
}

/**
 * Asserts that a volume was created by Rune for this very volume.
 * @throws {RuneError} `already_exists` (permanent).
 */
export function assertCreatedFor(volume: DoVolume, ctx: VolumeContext): void {
  if (isAdopted(volume, ctx)) throw alreadyThere(volume, ctx);
}

/**
 * Asserts that a volume to adopt by its id is not one that Rune made for another volume.
 * @throws {RuneError} `already_exists` (permanent).
 */
export function assertFree(volume: DoVolume, ctx: VolumeContext): void {
  const owner = parseOwner(volume.description);
  if (!owner || owner.namespace === ctx.volume.namespace && owner.name === ctx.volume.name) return;
  throw new RuneError(
    "already_exists",
    `dovolume: volume ${volume.id} is that of ${owner.namespace}/${owner.name} of ${owner.installation}`,
    { hint: "restore a snapshot of it instead, or name a volume that Rune did not make", permanent: true },
  );
}

function alreadyThere({ name, id }: DoVolume, { volume }: VolumeContext): RuneError {
  return new RuneError(
    "already_exists",
    `dovolume: DigitalOcean already has a volume ${name} (${id}), which is not that of ${volume.namespace}/${volume.name}`,
    {
      hint: "rename or delete it in DigitalOcean's console, or adopt it with the parameter volumeId",
      permanent: true,
    },
  );
}
