/**
 * Asks accounts at providers for what Rune created in them, and only reads. The attach of a volume needs
 * requests of the same tokens, so all callers share one list, and it is used again for some seconds.
 * @module
 */
import type { ProvidedVolume } from "../../../drivers/driver.ts";
import { toRuneError } from "../../../model/error.ts";
import type { AccountOf } from "../../../model/orphans.ts";
import { parseParameterRef } from "../../../model/secret.ts";
import type { Account } from "./accounts.ts";

/** How many accounts are asked at the same time. */
const AT_ONCE = 4;
/** How many accounts are asked for one list. */
export const MOST_ACCOUNTS = 50;
/** How long a list is used again, in milliseconds. */
export const FRESH_MS = 10_000;

/** A volume at a provider, and the account that showed it. */
export interface Listed extends ProvidedVolume {
  driver: string;
  /** The declaration with the account: that of a class, if the account of a class shows the volume. */
  source: string;
  accountOf: AccountOf;
  /** The keys of all accounts that show it. */
  seenIn: ReadonlySet<string>;
}

/** An account that was not asked, or did not answer. */
export interface Skipped {
  /** Where its parameters are: `storage class fast`. */
  source: string;
  message: string;
  hint?: string;
}

/** What the accounts have. */
export interface Listing {
  volumes: Listed[];
  asked: string[];
  skipped: Skipped[];
}

/**
 * Asks accounts for what Rune created in them.
 *
 * @param accounts those of classes first. A volume that several accounts show belongs to the first of them.
 */
export async function listAccounts(accounts: Account[], signal: AbortSignal): Promise<Listing> {
  const listing: Listing = { volumes: [], asked: [], skipped: [] };
  const askable = accounts.filter(({ source, namespace, parameters }) => {
    const relative = findRelative(parameters, namespace);
    if (relative !== undefined) listing.skipped.push(skipRelative(source, relative));
    return relative === undefined;
  });
  for (const { source } of askable.slice(MOST_ACCOUNTS)) listing.skipped.push(skipLate(source));
  const toAsk = askable.slice(0, MOST_ACCOUNTS);
  const answers: ProvidedVolume[][] = toAsk.map(() => []);
  const left = toAsk.entries();
  const askNext = async () => {
    for (const [i, { driver, source, namespace, parameters }] of left) {
      try {
        answers[i] = await driver.listVolumes!({ namespace, parameters, signal });
        listing.asked.push(source);
      } catch (thrown) {
        const { message, hint } = toRuneError(thrown);
        listing.skipped.push({ source, message, ...(hint !== undefined && { hint }) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askNext));
  const volumes = new Map<string, Listed & { seenIn: Set<string> }>();
  for (const [i, { key: accountKey, driver, source, accountOf }] of toAsk.entries()) {
    for (const volume of answers[i]!) {
      const key = JSON.stringify([driver.name, volume.handle]);
      const listed = volumes.get(key) ??
        { ...volume, driver: driver.name, source, accountOf, seenIn: new Set<string>() };
      listed.seenIn.add(accountKey);
      volumes.set(key, listed);
    }
  }
  return { ...listing, volumes: [...volumes.values()] };
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

const skipLate = (source: string): Skipped => ({
  source,
  message: `Rune asks at most ${MOST_ACCOUNTS} accounts, those of storage classes first`,
  hint: "see the provider's console",
});

/**
 * Shares one list among all callers.
 *
 * @param list makes a new list. It starts only when the one before has ended.
 * @returns a call that gives the running list, or one that ended in the last ten seconds.
 */
export function shareListing<T>(
  list: () => Promise<T>,
  { now = () => performance.now() }: { now?: () => number } = {},
): () => Promise<T> {
  let last: { result: Promise<T>; endedAt: number } | undefined;
  return () => {
    if (last && now() - last.endedAt < FRESH_MS) return last.result;
    const begun = { result: list(), endedAt: Infinity };
    last = begun;
    begun.result.then(() => begun.endedAt = now(), () => last = undefined);
    return begun.result;
  };
}
