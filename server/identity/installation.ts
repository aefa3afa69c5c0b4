/**
 * The name of this installation in the store: `node.installation` of the runefile, or else the node's name.
 * Names of volumes at a provider are made from it, so it must not change once there are such names. Until
 * then the runefile decides at each start; from the first use on, the store does. See docs/decisions/0072.
 * @module
 */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import type { Installation } from "../../node/installation.ts";
import type { Store } from "../../store/store.ts";

/** The key in the store's meta. */
const META = "installation";

const recordSchema = z.object({ name: z.string(), used: z.boolean() });

type MetaStore = Pick<Store, "getMeta" | "putMeta">;

/** The settings of a node that name an installation. */
export interface NodeNames {
  name: string;
  /** `node.installation` of the runefile, if it is set. */
  installation?: string;
}

/** The name without a record. Encoded, since names of nodes may have spaces. */
const defaultNameOf = ({ name, installation }: NodeNames): string => installation ?? encodeURIComponent(name);

const readRecord = async (store: Pick<Store, "getMeta">) =>
  recordSchema.safeParse(await store.getMeta(META)).data;

/**
 * Reads the name of this installation, and records one that the runefile sets.
 *
 * @throws {RuneError} `failed_precondition` if the runefile sets another name than the one in use.
 */
export async function openInstallation(store: MetaStore, node: NodeNames): Promise<Installation> {
  const record = await readRecord(store);
  if (record?.used) {
    if (node.installation !== undefined && node.installation !== record.name) {
      throw renamedError(record.name, node.installation);
    }
    return { name: record.name, keep: () => Promise.resolve() };
  }
  const name = defaultNameOf(node);
  // A copy of this state compares its name with it. A daemon with a full disk must start without a write.
  if (node.installation !== undefined && record?.name !== name) {
    await store.putMeta(META, { name, used: false });
  }
  let stored: Promise<void> | undefined;
  return {
    name,
    keep: () =>
      stored ??= store.putMeta(META, { name, used: true }).catch((error) => {
        stored = undefined;
        throw error;
      }),
  };
}

/**
 * Gives a copied state (`rune admin restore --as-copy`) a name of its own.
 *
 * @param options.original the name of the node that the state comes from.
 * @param options.daemonId the new id of the daemon.
 * @throws {RuneError} `failed_precondition` if the runefile sets the name of the original.
 */
export async function renameInstallation(
  store: MetaStore,
  { node, original, daemonId }: { node: NodeNames; original: string; daemonId: string },
): Promise<void> {
  const record = await readRecord(store);
  const byNode = defaultNameOf({ name: original });
  const former = record?.name ?? byNode;
  // A name that nothing has used yet may give way to the node's name.
  const taken = record?.used ? [former] : [former, byNode];
  if (node.installation !== undefined && taken.includes(node.installation)) {
    throw sharedError(node.installation);
  }
  const name = node.installation ?? `${former}-copy-${daemonId.slice(0, 8)}`;
  await store.putMeta(META, { name, used: true });
}

function renamedError(kept: string, set: string): RuneError {
  return new RuneError(
    "failed_precondition",
    `node.installation is ${set}, but this daemon's volumes at a provider have names of ${kept}`,
    {
      hint: `set node.installation: ${kept}, or remove it: under another name the daemon would not find them`,
    },
  );
}

function sharedError(name: string): RuneError {
  return new RuneError(
    "failed_precondition",
    `node.installation is ${name}, the name of the original; a copy needs its own`,
    { hint: "use a runefile with another node.installation, or without one (--config)" },
  );
}
