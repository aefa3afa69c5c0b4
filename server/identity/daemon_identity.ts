/**
 * Who a daemon is: its id, the place where it runs, and the Docker Engine that its containers are on. All of
 * it is in the store, so that a copy of a data directory carries it along, and is told from the original by
 * its place.
 *
 * On the id hang: the labels and names of containers and networks, and the volume that marks the Engine
 * (`runners/docker/engine_mark.ts`); the lock that lets one id run once on a host (`daemon_lock.ts`); the
 * names of scheduled backups; marks that drivers leave in directories. Whoever replaces the id leaves all of
 * these to the former one.
 * @module
 */
import { z } from "zod";
import type { EngineRecord, Place } from "../../runners/engine_bond.ts";
import type { Store } from "../../store/store.ts";

/** Keys of the store's meta. `null` says that the entry was taken away. */
const META = { id: "daemon-id", place: "daemon-place", engine: "engine" } as const;

type MetaStore = Pick<Store, "getMeta" | "putMeta">;

const placeSchema = z.object({ machine: z.string(), dataDir: z.string(), inode: z.string() });
const engineSchema = z.object({ id: z.string(), root: z.string(), mark: z.string(), nonce: z.string() });

/** The id of the daemon whose state this is; undefined before its first start. */
export async function readDaemonId(store: Pick<Store, "getMeta">): Promise<string | undefined> {
  const known = await store.getMeta(META.id);
  return typeof known === "string" ? known : undefined;
}

/** The id of the daemon whose state this is, made once. */
export async function ensureDaemonId(store: MetaStore): Promise<string> {
  const known = await readDaemonId(store);
  if (known !== undefined) return known;
  const id = crypto.randomUUID();
  await store.putMeta(META.id, id);
  return id;
}

/**
 * Makes the state that of a daemon of its own (`rune admin restore --as-copy`). Nothing that the former id
 * has on this host or on an Engine is this one's: the runs that are recorded will be found to be gone, and
 * the next Engine is taken as it is.
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
 * Lets the daemon go on at another place than before, by a person's word: it takes the id over from the place
 * that held it. To be called for every restore that keeps the id.
 *
 * @param options.containersAreGone the person also said that no container of this daemon is left on any other
 * Engine: the next Engine is taken whatever it is (as by `rune admin adopt-engine --containers-are-gone`).
 */
export async function releasePlace(
  store: MetaStore,
  options: { containersAreGone?: boolean } = {},
): Promise<void> {
  if (options.containersAreGone) await store.putMeta(META.engine, null);
  await store.putMeta(META.place, null);
}

/** Where the daemon ran last; undefined when it may run anywhere. */
export async function readPlace(store: Pick<Store, "getMeta">): Promise<Place | undefined> {
  return placeSchema.safeParse(await store.getMeta(META.place)).data;
}

/** Records where the daemon runs. */
export async function writePlace(store: MetaStore, place: Place): Promise<void> {
  await store.putMeta(META.place, place);
}

/** The Engine that the daemon's containers are on; undefined before the first, and when any will do. */
export async function readEngine(store: Pick<Store, "getMeta">): Promise<EngineRecord | undefined> {
  return engineSchema.safeParse(await store.getMeta(META.engine)).data;
}

/** Records the Engine that the daemon's containers are on. */
export async function writeEngine(store: MetaStore, engine: EngineRecord): Promise<void> {
  await store.putMeta(META.engine, engine);
}

/** The place of a data directory. */
export async function findPlace(dataDir: string): Promise<Place> {
  const path = await Deno.realPath(dataDir);
  const { ino } = await Deno.stat(path);
  return { machine: await machineId(), dataDir: path, inode: String(ino ?? "") };
}

/** Not the id itself, which machine-id(5) asks to keep private: a digest of it. */
async function machineId(): Promise<string> {
  const text = (await Deno.readTextFile("/etc/machine-id").catch(() => "")).trim();
  if (text === "") return "";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`rune ${text}`));
  return new Uint8Array(digest).slice(0, 8).toHex();
}
