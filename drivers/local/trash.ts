/**
 * The trash of the local driver, in which deleted volumes wait until they are purged or restored. An entry
 * consists of `<id>/manifest.json` and `<id>/data`. Directories without a manifest are foreign and are never
 * touched.
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import { accessModeSchema, volumeSpecSchema } from "../../model/volume.ts";
import type { TrashEntry, VolumeContext, VolumeRecord } from "../driver.ts";
import { moveEntry, removeEntry } from "../../base/durable.ts";
import { lookAtDirectory } from "../directories.ts";
import { readJson, removeAside, writeJson } from "../json_file.ts";
import { removeTree } from "../host.ts";
import { checkUid, directoriesIn, isUid, type LocalLayout } from "./layout.ts";

/**
 * A record of an older version may lack required fields. Then the data can be restored, but a cast must
 * declare the volume.
 */
const recordSchema = z.object({
  labels: z.record(z.string(), z.string()),
  spec: volumeSpecSchema,
  ownerService: z.string().optional(),
});

const manifestSchema = z.object({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  sizeBytes: z.number(),
  accessMode: accessModeSchema,
  /** RFC 3339. */
  deletedAt: z.string(),
  record: recordSchema.optional().catch(undefined),
});

/** An entry and the path of its data. Its id is the volume's uid, with a number if that was taken. */
export interface LocalTrashEntry extends TrashEntry {
  path: string;
}

/** The trash of one root. */
export class LocalTrash {
  readonly #layout: LocalLayout;
  readonly #retentionMs: number;

  constructor(layout: LocalLayout, retentionMs: number) {
    this.#layout = layout;
    this.#retentionMs = retentionMs;
  }

  /** Moves the directory of a volume into the trash, atomically and durably. */
  async put(
    directory: string,
    { volume, record }: { volume: VolumeContext["volume"]; record?: VolumeRecord },
  ): Promise<void> {
    const entry = await this.#freePath(volume.uid);
    await this.#layout.ensureParent(join(entry, "data"));
    const { namespace, name, uid, sizeBytes, accessMode } = volume;
    const deletedAt = new Date().toISOString();
    // The manifest comes first, since data without one would be neither purged nor found again.
    const manifest = { namespace, name, uid, sizeBytes, accessMode, deletedAt, record };
    await writeJson(join(entry, "manifest.json"), manifest);
    await moveEntry(directory, join(entry, "data"));
  }

  /** Lists everything that can be restored, oldest first. */
  async list(): Promise<LocalTrashEntry[]> {
    const entries: LocalTrashEntry[] = [];
    for (const id of await this.#ids()) {
      const entry = await this.find(id);
      if (entry && await lookAtDirectory(entry.path) !== "absent") entries.push(entry);
    }
    return entries.sort((a, b) => a.deletedAt.localeCompare(b.deletedAt));
  }

  /** Finds an entry, whose data may be gone; undefined if it does not exist. */
  async find(id: string): Promise<LocalTrashEntry | undefined> {
    const path = join(this.#layout.trash, checkUid(id));
    const manifest = await readJson(join(path, "manifest.json"), manifestSchema).catch(ignoreForeign);
    if (!manifest) return undefined;
    const purgeAt = new Date(Date.parse(manifest.deletedAt) + this.#retentionMs).toISOString();
    return { ...manifest, purgeAt, id, path: join(path, "data") };
  }

  /** Removes an entry whose data was restored. */
  async clear(id: string): Promise<void> {
    const path = join(this.#layout.trash, checkUid(id));
    await removeAside(join(path, "manifest.json"));
    await removeEntry(join(path, "manifest.json"));
    await removeEntry(path);
  }

  /** Destroys an entry and its data. */
  async purge(id: string, signal: AbortSignal): Promise<void> {
    const path = join(this.#layout.trash, checkUid(id));
    const hidden = this.#layout.makeHiddenPath(path, "removing");
    // Hidden first, so that partly removed data cannot be restored.
    await moveEntry(path, hidden);
    await removePurged(hidden, signal);
  }

  /** Finishes interrupted purges of other processes. */
  async sweepPurges(signal: AbortSignal): Promise<void> {
    for (const hidden of await this.#layout.leftovers(this.#layout.trash)) await removePurged(hidden, signal);
  }

  /**
   * Removes entries without data. Must not run at the same time as {@linkcode put}, whose entries have no
   * data yet.
   */
  async sweepEmpty(): Promise<void> {
    for (const id of await this.#ids()) {
      const path = join(this.#layout.trash, id);
      const entry = await this.find(id);
      // Its manifest is not written yet, or already removed.
      const bare = !entry && await lookAtDirectory(path) === "empty";
      if (bare) await removeEntry(path);
      else if (entry && await lookAtDirectory(entry.path) === "absent") await this.clear(id);
    }
  }

  async #ids(): Promise<string[]> {
    return (await directoriesIn(this.#layout.trash)).filter(isUid);
  }

  async #freePath(uid: string): Promise<string> {
    for (let n = 1;; n++) {
      const entry = join(this.#layout.trash, n === 1 ? checkUid(uid) : `${uid}-${n}`);
      if (await lookAtDirectory(join(entry, "data")) === "absent") return entry;
    }
  }
}

async function removePurged(entry: string, signal: AbortSignal): Promise<void> {
  const manifest = join(entry, "manifest.json");
  if (await readJson(manifest, manifestSchema).catch(ignoreForeign) === undefined) {
    // Its manifest is already removed. Other directories without a manifest are foreign.
    if (await lookAtDirectory(entry) === "empty") await removeEntry(entry);
    return;
  }
  await removeTree(join(entry, "data"), signal);
  await removeEntry(manifest);
  await removeEntry(entry);
}

function ignoreForeign(error: unknown): undefined {
  if (error instanceof RuneError) return undefined;
  throw error;
}
