/**
 * Attaches volumes to this droplet and detaches them. A volume is never taken away from a droplet that
 * exists.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import type { Asker, Droplets } from "./droplets.ts";
import type { VolumeActions } from "./volume_actions.ts";
import type { VolumeReader } from "./volume_reader.ts";
import type { DoDroplet, DoVolume } from "./wire.ts";

/** The options of {@linkcode createAttachments}. */
export interface AttachmentOptions {
  reader: VolumeReader;
  actions: VolumeActions;
  droplets: Droplets;
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
  /**
   * Detaches a volume from the droplet of this node, and from droplets that no longer exist. Does nothing if
   * it is attached to neither.
   *
   * @param volume as it was read just now.
   * @param options.isHere whether this machine shows its device.
   * @throws {RuneError} `failed_precondition`, not permanent, if this machine may be another droplet: the
   * volume is attached to the droplet of this name but not shown here, or shown here but attached elsewhere.
   */
  detach(volume: DoVolume, options: Asker & { node: string; isHere: boolean }): Promise<void>;
  /**
   * Asserts that no other droplet has a volume.
   *
   * @param volume as it was read just now.
   * @throws {RuneError} `failed_precondition`, not permanent.
   */
  assertNotElsewhere(volume: DoVolume, options: Asker & { node: string }): Promise<void>;
}

/** Creates the attachments of one daemon. */
export function createAttachments({ reader, actions, droplets }: AttachmentOptions): Attachments {
  async function detachFrom(droplet: number, { id }: DoVolume, asker: Asker): Promise<void> {
    await actions.run({
      volumeId: id,
      droplet,
      body: { type: "detach", droplet_id: droplet },
      isDone: (volume) => !volume?.droplet_ids.includes(droplet),
    }, asker);
  }

  /** Finds the other droplet that has a volume, and the droplets that have it and no longer exist. */
  async function findOthers(
    volume: DoVolume,
    own: number,
    asker: Asker,
  ): Promise<{ other?: DoDroplet; goneDroplets: number[] }> {
    const goneDroplets: number[] = [];
    for (const id of volume.droplet_ids.filter((id) => id !== own)) {
      const other = await droplets.find(id, asker);
      if (other) return { other, goneDroplets };
      goneDroplets.push(id);
    }
    return { goneDroplets };
  }

  /** Detaches the volume from droplets that no longer exist. @returns one that exists and has it. */
  async function clearStale(volume: DoVolume, own: number, asker: Asker): Promise<DoDroplet | undefined> {
    const { other, goneDroplets } = await findOthers(volume, own, asker);
    for (const id of goneDroplets) await detachFrom(id, volume, asker);
    return other;
  }

  return {
    async attach(id, { node, region, ...asker }) {
      const droplet = await droplets.findOwn(node, asker);
      const isOurs = (volume: DoVolume | undefined) => volume?.droplet_ids.includes(droplet.id) === true;
      const before = await reader.read(id, asker);
      if (isOurs(before)) return before;
      if (droplet.region.slug !== region) throw describeOtherRegion(droplet, region);
      assertRegion(before, region);
      try {
        const other = await clearStale(before, droplet.id, asker);
        if (other) throw describeOther(before, other);
        const attached = await actions.run({
          volumeId: id,
          droplet: droplet.id,
          body: { type: "attach", droplet_id: droplet.id },
          isDone: isOurs,
        }, asker);
        return attached!;
      } catch (error) {
        // Perhaps this is another droplet by now.
        droplets.forget();
        throw error;
      }
    },
    async detach(volume, { node, isHere, ...asker }) {
      if (volume.droplet_ids.length === 0) return;
      const droplet = await droplets.findOwn(node, asker);
      if (volume.droplet_ids.includes(droplet.id)) {
        // The droplet of our name may be another one, which uses the volume.
        if (!isHere && !await droplets.isConfirmed(droplet)) throw describeUnseen(volume, droplet);
        await detachFrom(droplet.id, volume, asker);
      }
      const other = await clearStale(volume, droplet.id, asker);
      if (other && isHere) throw describeOther(volume, other);
    },
    async assertNotElsewhere(volume, { node, ...asker }) {
      if (volume.droplet_ids.length === 0) return;
      const { other } = await findOthers(volume, (await droplets.findOwn(node, asker)).id, asker);
      if (other) throw describeOther(volume, other);
    },
  };
}

/** Asserts that a volume is in the region of its storage class. */
export function assertRegion(volume: DoVolume, region: string): void {
  if (volume.region.slug === region) return;
  throw new RuneError(
    "failed_precondition",
    `dovolume: region: expected ${region}, the volume ${volume.name} is in ${volume.region.slug}`,
    { hint: "use a storage class of the volume's region" },
  );
}

function describeOther({ name }: DoVolume, droplet: DoDroplet): RuneError {
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

function describeUnseen({ name }: DoVolume, droplet: DoDroplet): RuneError {
  return new RuneError(
    "failed_precondition",
    `dovolume: volume ${name} is attached to droplet ${droplet.name} (${droplet.id}), ` +
      "and this machine does not show its device",
    {
      hint: "if this machine is another droplet, set node.name in the runefile to its name; " +
        "otherwise detach the volume in DigitalOcean's console",
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
