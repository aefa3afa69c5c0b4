/**
 * Finds volumes at providers that Rune created and no volume of Rune uses: what is still paid for. It asks
 * every account that a storage class or a volume names, and only reads.
 * @module
 */
import type { ProvidedVolume } from "../../drivers/driver.ts";
import { toRuneError } from "../../model/error.ts";
import { describeKey } from "../../model/resource.ts";
import { parseParameterRef } from "../../model/secret.ts";
import type { Volume } from "../../model/volume.ts";
import type { Node } from "../../node/node.ts";
import { describeVolumeCall, findClass } from "../../node/volume_call.ts";
import type { Reader } from "../../store/store.ts";

/** A volume at a provider, and its driver. */
export interface Listed extends ProvidedVolume {
  driver: string;
}

/** An account that was not asked, or did not answer. */
export interface Skipped {
  /** Where its parameters are: `storage class fast`. */
  source: string;
  message: string;
  hint?: string;
}

type NodeDrivers = Node["drivers"];
type NodeDriver = NodeDrivers extends ReadonlyMap<string, infer D> ? D : never;

/** The parameters of an account. */
interface Account {
  driver: NodeDriver;
  source: string;
  /** The namespace of references that name none; empty for a class. */
  namespace: string;
  parameters: Readonly<Record<string, string>>;
}

/** The accounts that the state names, each once: those of classes before those of volumes. */
export function findAccounts(
  state: Pick<Reader, "get" | "list">,
  { drivers, signal }: { drivers: NodeDrivers; signal: AbortSignal },
): Account[] {
  const accounts = new Map<string, Account>();
  const add = (account: Omit<Account, "driver">, driver: NodeDriver | undefined) => {
    if (!driver?.listVolumes) return;
    const key = keyOf(account, driver);
    if (!accounts.has(key)) accounts.set(key, { ...account, driver });
  };
  for (const { name, spec } of state.list("storageClass")) {
    const { parameters = {} } = spec;
    add({ source: `storage class ${name}`, namespace: "", parameters }, drivers.get(spec.driver));
  }
  for (const volume of state.list("volume")) {
    const classed = findClass(volume, state);
    const { parameters } = describeVolumeCall(classed, signal);
    const driver = volume.status.driver ?? classed.class?.spec.driver ?? "";
    const { namespace } = volume;
    add({ source: `volume ${describeKey(volume)}`, namespace, parameters }, drivers.get(driver));
  }
  return [...accounts.values()];
}

/** The same for accounts with the same parameters. */
function keyOf({ namespace, parameters }: Omit<Account, "driver">, driver: NodeDriver): string {
  const { name, capabilities: { handleParameter } } = driver;
  const entries = Object.entries(parameters).filter(([key]) => key !== handleParameter)
    .map(([key, value]) => [key, parseParameterRef(value, namespace) ?? value]);
  return JSON.stringify([name, entries.sort(([a], [b]) => String(a).localeCompare(String(b)))]);
}

/** Asks accounts for what Rune created in them. A volume that several of them show is there once. */
export async function listAccounts(
  accounts: Account[],
  signal: AbortSignal,
): Promise<{ volumes: Listed[]; asked: string[]; skipped: Skipped[] }> {
  const volumes = new Map<string, Listed>();
  const asked: string[] = [];
  const skipped: Skipped[] = [];
  await Promise.all(accounts.map(async ({ driver, source, namespace, parameters }) => {
    const relative = findRelative(parameters, namespace);
    if (relative !== undefined) return skipped.push(skipRelative(source, relative));
    try {
      for (const volume of await driver.listVolumes!({ namespace, parameters, signal })) {
        volumes.set(JSON.stringify([driver.name, volume.handle]), { ...volume, driver: driver.name });
      }
      asked.push(source);
    } catch (thrown) {
      const { message, hint } = toRuneError(thrown);
      skipped.push({ source, message, ...(hint !== undefined && { hint }) });
    }
  }));
  return { volumes: [...volumes.values()], asked, skipped };
}

/** The parameter of a class that names a secret of each volume's namespace. */
const findRelative = (parameters: Account["parameters"], namespace: string): string | undefined =>
  Object.entries(parameters).find(([, value]) =>
    namespace === "" && parseParameterRef(value, "")?.namespace === ""
  )?.[0];

const skipRelative = (source: string, parameter: string): Skipped => ({
  source,
  message: `its parameter ${parameter} names a secret of each volume's own namespace`,
  hint: "its volumes were asked instead; to ask the class too, write secret:<name>.<namespace>.rune/<key>",
});

/**
 * Whether a volume of Rune uses a volume at a provider, or is about to.
 *
 * @param options.volumes all volumes, read after the list: Rune stores a volume before it has it created.
 */
export function isUsed(
  { driver, handle, createdFor }: Listed,
  { volumes, handleParameter }: { volumes: readonly Volume[]; handleParameter: string | undefined },
): boolean {
  return volumes.some(({ namespace, name, uid, spec, status }) =>
    status.handle === handle ||
    (handleParameter !== undefined && spec.parameters?.[handleParameter] === handle) ||
    uid === createdFor.uid ||
    (status.handle === undefined && namespace === createdFor.namespace && name === createdFor.name &&
      (status.driver === undefined || status.driver === driver))
  );
}
