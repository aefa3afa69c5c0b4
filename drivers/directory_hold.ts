/**
 * Records which daemon has mounted which directory of this host, in one exclusive file for each. The file
 * outlives the daemon, as its workloads do, but not a restart of the machine. See docs/decisions/0018.
 * @module
 */
import { dirname, join } from "node:path";
import { z } from "zod";
import { writeNewFile } from "../base/durable.ts";
import { RuneError } from "../model/error.ts";
import { ensureDirectory } from "./directories.ts";
import { errnoOf, hostError } from "./host_error.ts";
import { identityOf, relate, type Whereabouts } from "./open_directory.ts";

/** A daemon, by its id and its data directory. */
export interface Owner {
  daemonId: string;
  dataDir: string;
}

const holdSchema = z.object({
  daemonId: z.string(),
  dataDir: z.string(),
  volume: z.object({ uid: z.string(), name: z.string() }),
  where: z.object({
    path: z.string(),
    chain: z.array(z.string()),
    filesystem: z.string(),
    inFilesystem: z.string(),
  }),
});

type Hold = z.infer<typeof holdSchema>;

/** The directory of the holds, which all daemons of root, or of this user, share. */
export function holdsPath(env: (name: string) => string | undefined = (name) => Deno.env.get(name)): string {
  const uid = Deno.uid();
  if (uid === 0) return "/run/rune/held";
  return join(env("XDG_RUNTIME_DIR") ?? `/tmp/rune-${uid}`, "rune", "held");
}

/** The holds of one daemon. */
export class DirectoryHolds {
  readonly #owner: Owner;
  readonly #place: string;

  /** @param options.place the directory of the holds; default: {@linkcode holdsPath}. */
  constructor(owner: Owner, { place = holdsPath() }: { place?: string } = {}) {
    this.#owner = owner;
    this.#place = place;
  }

  /**
   * Holds a directory for a volume. Does nothing if this daemon already holds it.
   *
   * @throws {RuneError} `conflict` if another daemon holds it, or a directory inside or around it.
   */
  async take(where: Whereabouts, volume: { uid: string; name: string }): Promise<void> {
    const hold: Hold = { ...this.#owner, volume, where };
    const file = join(this.#place, `${where.chain[0]}.json`);
    // A fixed name, so that the next call for the volume replaces what a killed daemon left there.
    const aside = join(this.#place, `.${this.#owner.daemonId}.${volume.uid}`);
    try {
      await this.#ensurePlace();
      await removeHold(aside);
      await writeNewFile(aside, [new TextEncoder().encode(JSON.stringify(hold))], { mode: 0o600 });
      try {
        // A link is atomic.
        await Deno.link(aside, file).catch(async (error) => {
          if (errnoOf(error) !== "EEXIST") throw error;
          const other = await this.#read(file);
          if (other && other.daemonId !== this.#owner.daemonId) throw heldBy(other, { where, file });
          await Deno.rename(aside, file);
        });
      } finally {
        await Deno.remove(aside).catch(() => {});
      }
      // Two daemons that hold nested directories at the same moment notice each other here. Both release them
      // and try again.
      for (const [path, other] of await this.#others()) {
        if (relate(where, other.where) === undefined || !await isThere(other.where)) continue;
        await Deno.remove(file);
        throw heldBy(other, { where, file: path });
      }
    } catch (error) {
      throw hostError(`holding of ${where.path}`, error);
    }
  }

  /** Releases what this daemon holds for a volume. Does nothing if it holds nothing. */
  async release(volumeUid: string): Promise<void> {
    for (const [path, hold] of await this.#all()) {
      if (hold.daemonId === this.#owner.daemonId && hold.volume.uid === volumeUid) await removeHold(path);
    }
  }

  /** Lists the uids of the volumes for which this daemon holds a directory. */
  async list(): Promise<string[]> {
    return (await this.#all()).filter(([, hold]) => hold.daemonId === this.#owner.daemonId)
      .map(([, hold]) => hold.volume.uid);
  }

  async #others(): Promise<[string, Hold][]> {
    return (await this.#all()).filter(([, hold]) => hold.daemonId !== this.#owner.daemonId);
  }

  async #all(): Promise<[string, Hold][]> {
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(this.#place)) if (name.endsWith(".json")) names.push(name);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw hostError(`reading of ${this.#place}`, error);
    }
    const holds = await Promise.all(names.map(async (name): Promise<[string, Hold][]> => {
      const path = join(this.#place, name);
      const hold = await this.#read(path);
      return hold ? [[path, hold]] : [];
    }));
    return holds.flat();
  }

  async #read(path: string): Promise<Hold | undefined> {
    try {
      return holdSchema.parse(JSON.parse(await Deno.readTextFile(path)));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw new RuneError("failed_precondition", `${path} was not written by Rune, or is damaged`, {
        hint: "make sure that no other Rune daemon runs on this host, remove it, and try again",
        cause: error,
      });
    }
  }

  async #ensurePlace(): Promise<void> {
    // /tmp is shared, so the directory in it must belong to this user.
    for (const path of [dirname(dirname(this.#place)), dirname(this.#place), this.#place]) {
      await ensureDirectory(path, 0o700);
    }
    const { uid } = await Deno.lstat(dirname(this.#place));
    if (uid === Deno.uid()) return;
    throw new RuneError("failed_precondition", `${dirname(this.#place)} belongs to another user`, {
      hint: "remove it, or set XDG_RUNTIME_DIR to a directory of the daemon's user",
    });
  }
}

async function removeHold(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (errnoOf(error) !== "ENOENT") throw hostError(`removal of ${path}`, error);
  });
}

/** Whether a held directory still exists at its path. */
async function isThere({ path, chain }: Whereabouts): Promise<boolean> {
  return await identityOf(path).catch(() => undefined) === chain[0];
}

function heldBy(other: Hold, { where, file }: { where: Whereabouts; file: string }): RuneError {
  const { daemonId, dataDir, volume } = other;
  return new RuneError(
    "conflict",
    `${where.path} is held by another Rune daemon, ${daemonId} of the data directory ${dataDir}, ` +
      `for its volume ${volume.name} at ${other.where.path}`,
    {
      hint: "stop what mounts that volume there, or use another directory here; if that daemon is gone for " +
        `good and nothing that it started still runs, remove ${file}`,
    },
  );
}
