/**
 * Snapshots at DigitalOcean. A snapshot of a mounted volume is taken while its filesystem is frozen, for at
 * most some seconds. If nobody knows whether the copy was taken before writes went on, as after a lost answer
 * or a killed daemon, the next call deletes it and takes another: a note says so until all is done. After a
 * restore the notes may be lost, and the caller says so instead.
 * @module
 */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import type { BegunNotes } from "../begun_notes.ts";
import type { SnapshotRef } from "../driver.ts";
import type { Freezer } from "../freeze.ts";
import { DO_VOLUME_CAPABILITIES } from "./capabilities.ts";
import type { Client } from "./client.ts";
import { deleteThing } from "./deletion.ts";
import type { Asker, Droplets } from "./droplets.ts";
import { ignoreUnknown, lookFor, LOOKS } from "./looks.ts";
import { snapshotNameOf } from "./names.ts";
import { AnswerLost, type ApiRefusal, isRefusal } from "./refusals.ts";
import { type DoSnapshot, snapshotSchema } from "./wire.ts";

/** How long the filesystem may be frozen for the answer, in milliseconds. */
const FROZEN_MS = 10_000;
/** How many snapshots DigitalOcean keeps of a volume. */
const MOST_SNAPSHOTS = DO_VOLUME_CAPABILITIES.snapshotLimits!.mostPerVolume;
/** How many of them a hint names. */
const NAMED = 3;

const answer = z.object({ snapshot: snapshotSchema });

/** See the module comment. */
export interface Snapshots {
  /**
   * Takes a snapshot of a volume, or finds it.
   *
   * @param options.mounted where it is mounted, if it is.
   * @param options.onCopied called when writes go on.
   */
  take(
    volumeId: string,
    ref: SnapshotRef,
    options: Asker & { mounted?: string; onCopied?: () => Promise<void> },
  ): Promise<DoSnapshot>;
  /** @throws {RuneError} `not_found` (permanent) if it does not exist. */
  read(id: string, asker: Asker): Promise<DoSnapshot>;
  /**
   * Deletes a snapshot. Does nothing if it is gone.
   *
   * @param options.volumeId finds it where its id is unknown.
   * @throws {RuneError} `failed_precondition` if the token may be one of another account.
   */
  delete(ref: SnapshotRef, options: Asker & { node: string; volumeId?: string }): Promise<void>;
}

/** What {@linkcode createSnapshots} needs. */
export interface SnapshotOptions {
  client: Client;
  droplets: Pick<Droplets, "assertAccount">;
  freezer: Freezer;
  /** Remembers which snapshots were begun and are not done. */
  notes: BegunNotes;
  /** For tests, in milliseconds. */
  frozenMs?: number;
  lookMs?: number;
}

/** Creates the snapshots of one daemon. */
export function createSnapshots(
  { client, droplets, freezer, notes, frozenMs = FROZEN_MS, lookMs = LOOKS.everyMs }: SnapshotOptions,
): Snapshots {
  const list = (volumeId: string, asker: Asker): Promise<DoSnapshot[]> =>
    client.list("listSnapshots", "snapshots", {
      ...{ ...asker, path: { volume_id: volumeId } },
      schema: snapshotSchema,
    });

  async function find(volumeId: string, ref: SnapshotRef, asker: Asker): Promise<DoSnapshot | undefined> {
    const all = await ignoreUnknown(list(volumeId, asker));
    return all?.find(({ name }) => name === snapshotNameOf(ref));
  }

  /** @returns whether the account had it. */
  async function remove(id: string, asker: Asker): Promise<boolean> {
    const deletion = { request: "deleteSnapshot", path: { snapshot_id: id } } as const;
    return await deleteThing(client, deletion, { ...asker, lookMs });
  }

  async function create(volumeId: string, ref: SnapshotRef, asker: Asker): Promise<DoSnapshot> {
    return (await client.send("createSnapshot", {
      ...asker,
      path: { volume_id: volumeId },
      body: { name: snapshotNameOf(ref) },
      schema: answer,
      attemptMs: frozenMs,
      reserved: true,
    })).snapshot;
  }

  return {
    async take(volumeId, ref, { mounted, onCopied, ...asker }) {
      const there = await find(volumeId, ref, asker);
      if (there && !ref.retake && !await notes.has(ref.uid)) return there;
      if (there) await remove(there.id, asker);
      // Nothing may wait for its turn while the filesystem is frozen.
      await client.reserve(asker);
      await notes.add(ref.uid);
      const work = () => create(volumeId, ref, asker);
      let made: DoSnapshot;
      try {
        made = mounted === undefined
          ? await work()
          : await freezer.run({ path: mounted, id: ref.uid }, { work, signal: asker.signal });
      } catch (error) {
        if (error instanceof AnswerLost || isRefusal(error, 409)) {
          const late = await find(volumeId, ref, asker);
          if (late) await remove(late.id, asker);
        }
        if (isRefusal(error, 422)) throw await describeFull(error, { volumeId, list, asker });
        throw error;
      }
      try {
        await onCopied?.();
      } catch (error) {
        await remove(made.id, asker);
        throw error;
      }
      await notes.remove(ref.uid);
      return made;
    },
    async read(id, asker) {
      const request = { ...asker, path: { snapshot_id: id }, schema: answer };
      const found = await lookFor(() => ignoreUnknown(client.send("readSnapshot", request)), {
        everyMs: lookMs,
        signal: asker.signal,
      });
      if (found) return found.snapshot;
      throw new RuneError("not_found", `dovolume: DigitalOcean has no snapshot ${id}`, {
        hint: "it was deleted there, or the token is one of another account",
        permanent: true,
      });
    },
    async delete(ref, { volumeId, node, ...asker }) {
      const id = ref.handle ?? (volumeId && (await find(volumeId, ref, asker))?.id);
      if (!id || !await remove(id, asker)) {
        await droplets.assertAccount(`snapshot ${id ?? snapshotNameOf(ref)}`, { ...asker, node });
      }
      await notes.remove(ref.uid);
    },
  };
}

/**
 * Says how many snapshots a volume has, since DigitalOcean refused another one, and names the oldest if it
 * keeps no more. Rune may not know them: a store that was lost does not list them.
 */
async function describeFull(
  refusal: ApiRefusal,
  { volumeId, list, asker }: {
    volumeId: string;
    list: (volumeId: string, asker: Asker) => Promise<DoSnapshot[]>;
    asker: Asker;
  },
): Promise<RuneError> {
  const all = await list(volumeId, asker).catch(() => undefined);
  if (!all) return refusal;
  const oldest = all.toSorted((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at)).slice(0, NAMED);
  const hint = all.length < MOST_SNAPSHOTS
    ? refusal.hint
    : "delete old ones in Rune; those that Rune does not know, delete in DigitalOcean's console: " +
      `the oldest are ${oldest.map(({ id }) => id).join(", ")}`;
  return new RuneError(
    "failed_precondition",
    `dovolume: snapshot of volume ${volumeId} refused: ${refusal.said} (it has ${all.length} snapshots)`,
    { ...(hint !== undefined && { hint }), permanent: false, cause: refusal },
  );
}
