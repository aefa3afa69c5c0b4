/**
 * Finds the accounts at providers that the state names. Two declarations with the same secrets name the same
 * account. The accounts of classes come first, since an administrator wrote them; whoever may cast a volume
 * may give it a token of an account of their own.
 * @module
 */
import { makeAccountKey } from "../../../drivers/secret_parameters.ts";
import type { AccountOf } from "../../../model/orphans.ts";
import { describeKey } from "../../../model/resource.ts";
import type { Volume } from "../../../model/volume.ts";
import type { Node } from "../../../node/node.ts";
import { findClass, readParameters } from "../../../node/volume_call.ts";
import type { Reader } from "../../../store/store.ts";

/** The drivers of a node. */
export type NodeDrivers = Node["drivers"];
type NodeDriver = NodeDrivers extends ReadonlyMap<string, infer D> ? D : never;

/** An account, and where its parameters are. */
export interface Account {
  /** The same for two declarations with the same driver and the same secrets. It may hold a secret. */
  key: string;
  driver: NodeDriver;
  /** `storage class fast`, `volume default/data`. */
  source: string;
  accountOf: AccountOf;
  /** The namespace of references that name none; empty for a class. */
  namespace: string;
  parameters: Readonly<Record<string, string>>;
}

/** The account in which a volume is, or will be. */
export function findAccountOf(
  volume: Volume,
  { state, drivers }: { state: Pick<Reader, "get">; drivers: NodeDrivers },
): Account | undefined {
  const classed = findClass(volume, state);
  const driver = drivers.get(volume.status.driver ?? classed.class?.spec.driver ?? "");
  if (!driver?.listVolumes) return undefined;
  const { namespace } = volume;
  const parameters = readParameters(classed);
  const key = JSON.stringify([driver.name, makeAccountKey(parameters, namespace)]);
  return { key, driver, source: `volume ${describeKey(volume)}`, accountOf: "volume", namespace, parameters };
}

/**
 * The accounts that the state names, each once: those of classes before those of volumes. Of the latter, the
 * first of each namespace come before the second ones, so that no namespace crowds out another.
 */
export function findAccounts(state: Pick<Reader, "get" | "list">, drivers: NodeDrivers): Account[] {
  const accounts = new Map<string, Account>();
  for (const { name, spec: { driver: driverName, parameters = {} } } of state.list("storageClass")) {
    const driver = drivers.get(driverName);
    if (!driver?.listVolumes) continue;
    const key = JSON.stringify([driver.name, makeAccountKey(parameters, "")]);
    if (accounts.has(key)) continue;
    const source = `storage class ${name}`;
    accounts.set(key, { key, driver, source, accountOf: "storageClass", namespace: "", parameters });
  }
  const classes = accounts.size;
  for (const volume of state.list("volume")) {
    const account = findAccountOf(volume, { state, drivers });
    if (account && !accounts.has(account.key)) accounts.set(account.key, account);
  }
  const all = [...accounts.values()];
  return [...all.slice(0, classes), ...takeTurns(all.slice(classes))];
}

/** Sorts by the place within the namespace. */
function takeTurns(accounts: Account[]): Account[] {
  const counts = new Map<string, number>();
  const placed = accounts.map((account) => {
    const place = counts.get(account.namespace) ?? 0;
    counts.set(account.namespace, place + 1);
    return { account, place };
  });
  return placed.sort((a, b) => a.place - b.place).map(({ account }) => account);
}
