/**
 * The identity of a daemon: its id, the place where it runs, and the Docker Engine of its containers. It is
 * in the store, so a copy of a data directory has the same identity, and only the place distinguishes it from
 * the original.
 *
 * These depend on the id: labels and names of containers and networks; the volume that marks the Engine
 * (`runners/docker/engine_mark.ts`); the lock by which one id runs once on a host (`daemon_lock.ts`); names
 * of scheduled backups; marks that drivers leave in directories. After a change of the id, all of these
 * belong to the former one.
 * @module
 */
import { z } from "zod";
import type { EngineRecord, Place } from "../../runners/engine_bond.ts";
import type { Store } from "../../store/store.ts";

/** Keys of the store's meta. `null` means that the entry was removed. */
const META = { id: "daemon-id", place: "daemon-place", engine: "engine" } as const;

type MetaStore = Pick<Store, "getMeta" | "putMeta">;

const placeSchema = z.object({ machine: z.string(), dataDir: z.string(), inode: z.string() });
const engineSchema = z.object({ id: z.string(), root: z.string(), mark: z.string(), nonce: z.string() });

/** The id of the daemon; undefined before its first start. */
export async function readDaemonId(store: Pick<Store, "getMeta">): Promise<string | undefined> {
  const known = await store.getMeta(META.id);
  return typeof known === "string" ? known : undefined;
}

/** The id of the daemon, which is created if there is none. */
export async function ensureDaemonId(store: MetaStore): Promise<string> {
  const known = await readDaemonId(store);
  if (known !== undefined) return known;
  const id = crypto.randomUUID();
  await store.putMeta(META.id, id);
  return id;
}

/**
 * Gives the state a new id (`rune admin restore --as-copy`). The new daemon owns nothing that the former id
 * has on this host or on an Engine. It will find that its recorded runs are gone, and accept the next Engine.
 *
 * @returns the new id.
 */
export async function replaceDaemonId(store: MetaStore): Promise<string> {
  const id = crypto.randomUUID();
  await store.putMeta(META.engine, null);
  await store.putMeta(META.place, null);
  await store.putMeta(META.id, id);
  return id;
}

/**
 * Permits the daemon to run at another place, after a person has confirmed it. Every restore that keeps the
 * id must call it.
 *
 * @param options.containersAreGone the person has also confirmed that no container of this daemon is left on
 * another Engine. The daemon then accepts the next Engine, as after `rune admin adopt-engine
 * --containers-are-gone`.
 */
export async function releasePlace(
  store: MetaStore,
  options: { containersAreGone?: boolean } = {},
): Promise<void> {
  if (options.containersAreGone) await store.putMeta(META.engine, null);
  await store.putMeta(META.place, null);
}

/** The place where the daemon last ran; undefined if it may run anywhere. */
export async function readPlace(store: Pick<Store, "getMeta">): Promise<Place | undefined> {
  return placeSchema.safeParse(await store.getMeta(META.place)).data;
}

/** Records the place where the daemon runs. */
export async function writePlace(store: MetaStore, place: Place): Promise<void> {
  await store.putMeta(META.place, place);
}

/** The Engine of the daemon's containers; undefined before the first one, and if any is acceptable. */
export async function readEngine(store: Pick<Store, "getMeta">): Promise<EngineRecord | undefined> {
  return engineSchema.safeParse(await store.getMeta(META.engine)).data;
}

/** Records the Engine of the daemon's containers. */
export async function writeEngine(store: MetaStore, engine: EngineRecord): Promise<void> {
  await store.putMeta(META.engine, engine);
}

/** The place of a data directory. */
export async function findPlace(dataDir: string): Promise<Place> {
  const path = await Deno.realPath(dataDir);
  const { ino } = await Deno.stat(path);
  return { machine: await machineId(), dataDir: path, inode: String(ino ?? "") };
}

/** A digest of the machine id, since machine-id(5) asks to keep the id itself private. */
async function machineId(): Promise<string> {
  const text = (await Deno.readTextFile("/etc/machine-id").catch(() => "")).trim();
  if (text === "") return "";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`rune ${text}`));
  return new Uint8Array(digest).slice(0, 8).toHex();
}
