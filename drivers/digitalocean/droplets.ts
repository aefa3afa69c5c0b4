/**
 * Finds the droplet that this host is, by the name of the node, and says whether another droplet still
 * exists.
 * @module
 */
import { z } from "zod";
import { sleep } from "../../base/delay.ts";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import type { Client } from "./client.ts";
import type { Metadata } from "./metadata.ts";
import { isRefusal } from "./refusals.ts";
import { type DoDroplet, dropletSchema } from "./wire.ts";

/** How long the droplet of a node is remembered, in milliseconds. */
const REMEMBERED_MS = 60_000;
/** How many droplets are remembered. */
const MOST = 64;
/** A droplet counts as gone if it is unknown twice, this far apart: a new one may be unknown for a moment. */
const GONE_MS = 3_000;

const answer = z.object({ droplet: dropletSchema });

/** Who asks. */
export interface Asker {
  token: string;
  signal: AbortSignal;
}

/** Finds droplets. */
export interface Droplets {
  /**
   * The droplet with the name of this node.
   *
   * @throws {RuneError} `failed_precondition`, not permanent, if there is none or several: a rebuild may be
   * under way.
   */
  findOwn(node: string, asker: Asker): Promise<DoDroplet>;
  /**
   * Asserts that a token is one of this host's account, so that what the account does not know is gone. The
   * token of another account knows nothing of this one.
   *
   * @param unknown what the account does not know: `volume 506f78a4-…`.
   * @throws {RuneError} `failed_precondition`, not permanent, if the account has no droplet of this name.
   */
  assertAccount(unknown: string, options: Asker & { node: string }): Promise<void>;
  /** Whether the metadata service says that this machine is that droplet. False if it does not answer. */
  isConfirmed(droplet: DoDroplet, asker: Asker): Promise<boolean>;
  /** Forgets what {@linkcode findOwn} found, since it was wrong. */
  forget(): void;
  /** Another droplet; undefined only if it certainly does not exist. */
  find(id: number, asker: Asker): Promise<DoDroplet | undefined>;
}

/** @param options.goneMs for tests. */
export function createDroplets(
  { client, metadata, goneMs = GONE_MS }: { client: Client; metadata: Metadata; goneMs?: number },
): Droplets {
  const remembered = new Map<string, { droplet: DoDroplet; at: number }>();
  const locks = new KeyedLock();

  async function listNamed(node: string, asker: Asker): Promise<DoDroplet[]> {
    const list = (query: Record<string, string>) =>
      client.list("listDroplets", "droplets", { ...asker, query, schema: dropletSchema });
    // Droplets with a GPU are in a list of their own, and may have the same name.
    const [found, withGpu] = await Promise.all([list({ name: node }), list({ name: node, type: "gpus" })]);
    return [...found, ...withGpu.filter(({ id }) => found.every((other) => other.id !== id))];
  }

  return {
    async findOwn(node, asker) {
      const key = JSON.stringify([asker.token, node]);
      const work = async () => {
        const known = remembered.get(key);
        if (known && performance.now() - known.at < REMEMBERED_MS) return known.droplet;
        const found = await listNamed(node, asker);
        const [droplet] = found;
        if (!droplet || found.length > 1) {
          throw await explain(node, { found, metadata, signal: asker.signal });
        }
        if (remembered.size >= MOST) remembered.clear();
        remembered.set(key, { droplet, at: performance.now() });
        return droplet;
      };
      // At a start, all volumes ask at once: one request answers all.
      return await locks.run([key], { work, signal: asker.signal });
    },
    async assertAccount(unknown, { node, ...asker }) {
      if ((await listNamed(node, asker)).length > 0) return;
      throw new RuneError(
        "failed_precondition",
        `dovolume: the account of the token has neither ${unknown} nor a droplet "${node}"`,
        {
          hint: "use a token of the account that this droplet is in; Rune then continues by itself",
          permanent: false,
        },
      );
    },
    isConfirmed: async ({ id }, { signal }) => (await metadata.read(signal))?.id === String(id),
    forget: () => remembered.clear(),
    async find(id, asker) {
      for (let attempt = 1;; attempt++) {
        try {
          const request = { ...asker, path: { droplet_id: id }, schema: answer };
          return (await client.send("readDroplet", request)).droplet;
        } catch (error) {
          if (!isRefusal(error, 404)) throw error;
          if (attempt === 2) return undefined;
          await sleep(goneMs, { signal: asker.signal });
        }
      }
    },
  };
}

async function explain(
  node: string,
  { found, metadata, signal }: { found: DoDroplet[]; metadata: Metadata; signal: AbortSignal },
): Promise<RuneError> {
  const several = found.length > 1
    ? `: ${found.length} do (${found.map(({ id }) => id).join(", ")}); names must be unique in an account`
    : "";
  const here = await metadata.read(signal);
  const hint = found.length > 1
    ? "rename or delete the others; after a rebuild, Rune continues when the old droplet is gone"
    : here === undefined
    ? "set node.name in the runefile to the droplet's name"
    : `this machine is droplet ${here.id} "${here.hostname}": set node.name to "${here.hostname}" in the runefile`;
  return new RuneError(
    "failed_precondition",
    `dovolume: no DO droplet matches hostname "${node}"${several}`,
    {
      hint,
      permanent: false,
    },
  );
}
