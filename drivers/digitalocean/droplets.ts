/**
 * Finds the droplet that this host is, by the name of the node, and says whether another droplet still
 * exists. A name is unique in one account only, so the metadata service has a veto.
 * @module
 */
import { z } from "zod";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import type { Client } from "./client.ts";
import { ignoreUnknown, lookFor } from "./looks.ts";
import type { Here, Metadata } from "./metadata.ts";
import { type DoDroplet, type DoVolume, dropletSchema } from "./wire.ts";

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
   * @throws {RuneError} `failed_precondition`, not permanent, if there is none or several, since a rebuild
   * may be under way, and if the metadata service says that this machine is another one.
   */
  findOwn(node: string, asker: Asker): Promise<DoDroplet>;
  /**
   * Asserts that a volume is attached to this machine, if the metadata service says which one this is. A
   * volume of another account may have the name of one that is attached here, and devices tell names only.
   *
   * @throws {RuneError} `failed_precondition`, not permanent.
   */
  assertHere(volume: DoVolume): Promise<void>;
  /**
   * Asserts that a token is one of this host's account, so that what the account does not know is gone. The
   * token of another account knows nothing of this one.
   *
   * @param unknown what the account does not know: `volume 506f78a4-…`.
   * @throws {RuneError} `failed_precondition`, not permanent, if the account has no droplet of this name, or
   * if the metadata service says that this machine is another one.
   */
  assertAccount(unknown: string, options: Asker & { node: string }): Promise<void>;
  /** Whether the metadata service says that this machine is that droplet. False if it does not answer. */
  isConfirmed(droplet: DoDroplet): Promise<boolean>;
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

  /** The droplet with the name, whatever this machine is. */
  async function findNamed(node: string, asker: Asker): Promise<DoDroplet> {
    const key = JSON.stringify([asker.token, node]);
    const work = async () => {
      const known = remembered.get(key);
      if (known && performance.now() - known.at < REMEMBERED_MS) return known.droplet;
      const found = await listNamed(node, asker);
      const [droplet] = found;
      if (!droplet || found.length > 1) throw explain(node, { found, here: await metadata.read() });
      if (remembered.size >= MOST) remembered.clear();
      remembered.set(key, { droplet, at: performance.now() });
      return droplet;
    };
    // At a start, all volumes ask at once: one request answers all.
    return await locks.run([key], { work, signal: asker.signal });
  }

  return {
    async findOwn(node, asker) {
      const droplet = await findNamed(node, asker);
      const here = await metadata.read();
      if (here && here.id !== droplet.id) throw describeOtherMachine(droplet, here);
      return droplet;
    },
    async assertHere({ name, droplet_ids: ids }) {
      const here = await metadata.read();
      if (!here || ids.includes(here.id)) return;
      const where = ids.length > 0 ? `droplet ${ids.join(", ")}` : "no droplet";
      throw new RuneError(
        "failed_precondition",
        `dovolume: volume ${name} is attached to ${where}, and this machine is ${describeHere(here)}`,
        { hint: OTHER_MACHINE_HINT, permanent: false },
      );
    },
    async assertAccount(unknown, { node, ...asker }) {
      const found = await listNamed(node, asker);
      const [droplet] = found;
      if (droplet) {
        const here = await metadata.read();
        if (here && !found.some(({ id }) => id === here.id)) throw describeOtherMachine(droplet, here);
        return;
      }
      throw new RuneError(
        "failed_precondition",
        `dovolume: the account of the token has neither ${unknown} nor a droplet "${node}"`,
        {
          hint: "use a token of the account that this droplet is in; Rune then continues by itself",
          permanent: false,
        },
      );
    },
    isConfirmed: async ({ id }) => (await metadata.read())?.id === id,
    forget: () => remembered.clear(),
    async find(id, asker) {
      const request = { ...asker, path: { droplet_id: id }, schema: answer };
      const found = await lookFor(() => ignoreUnknown(client.send("readDroplet", request)), {
        times: 2,
        everyMs: goneMs,
        signal: asker.signal,
      });
      return found?.droplet;
    },
  };
}

const OTHER_MACHINE_HINT = "use a token of the account that this droplet is in; " +
  "if it is, set node.name in the runefile to this droplet's name";

const describeHere = ({ id, hostname }: Here): string => `droplet ${id} "${hostname}"`;

/** A token may be one of another account, whose droplet has our name. */
function describeOtherMachine({ id, name }: DoDroplet, here: Here): RuneError {
  return new RuneError(
    "failed_precondition",
    `dovolume: droplet "${name}" (${id}) of the token's account is not this machine, which is ${
      describeHere(here)
    }`,
    { hint: OTHER_MACHINE_HINT, permanent: false },
  );
}

function explain(
  node: string,
  { found, here }: { found: DoDroplet[]; here: Here | undefined },
): RuneError {
  const several = found.length > 1
    ? `: ${found.length} do (${found.map(({ id }) => id).join(", ")}); names must be unique in an account`
    : "";
  const hint = found.length > 1
    ? "rename or delete the others; after a rebuild, Rune continues when the old droplet is gone"
    : here === undefined
    ? "set node.name in the runefile to the droplet's name"
    : `this machine is ${describeHere(here)}: set node.name to "${here.hostname}" in the runefile`;
  return new RuneError(
    "failed_precondition",
    `dovolume: no DO droplet matches hostname "${node}"${several}`,
    {
      hint,
      permanent: false,
    },
  );
}
