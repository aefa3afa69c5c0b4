/**
 * Names of volumes and snapshots at DigitalOcean. A volume's name is made from the installation, the
 * namespace and the name, but not from its uid: a rebuilt host with a fresh store finds its data, and two
 * hosts of one account never meet.
 * @module
 */
import { createHash } from "node:crypto";

/** DigitalOcean permits 63: letters, digits and `-`, beginning with a letter, not ending with `-`. */
const LONGEST = 62;
const DIGEST = 8;

/** A volume of an installation. */
export interface OwnedVolume {
  installation: string;
  namespace: string;
  name: string;
}

/** The name of a volume at DigitalOcean: `rune-default-data-1a2b3c4d`. */
export function volumeNameOf({ installation, namespace, name }: OwnedVolume): string {
  const digest = createHash("sha256").update(`${installation}\0${namespace}\0${name}`).digest("hex");
  const readable = `rune-${namespace}-${name}`.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  return `${readable.slice(0, LONGEST - DIGEST - 1).replace(/-+$/, "")}-${digest.slice(0, DIGEST)}`;
}

/** The name of a snapshot at DigitalOcean, from its uid. */
export const snapshotNameOf = ({ uid }: { uid: string }): string => `rune-${uid}`;

/** The description of a volume at DigitalOcean, which tells whose it is. */
export const describeOwner = (
  { installation, namespace, name, uid }: OwnedVolume & { uid: string },
): string => `rune node=${installation} volume=${namespace}/${name} uid=${uid}`;

/** Reads {@linkcode describeOwner}; undefined if the volume was not created by Rune. */
export function parseOwner(description: string): (OwnedVolume & { uid: string }) | undefined {
  const found = /^rune node=(\S+) volume=([^\s/]+)\/(\S+) uid=(\S+)$/.exec(description);
  if (!found) return undefined;
  const [installation, namespace, name, uid] = found.slice(1) as [string, string, string, string];
  return { installation, namespace, name, uid };
}
