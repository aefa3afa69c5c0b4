/**
 * Says whether a volume of Rune uses a volume at a provider. A declaration alone does not: whoever may cast a
 * volume could otherwise hide what is still paid for.
 * @module
 */
import type { Reader } from "../../../store/store.ts";
import { findAccountOf, type NodeDrivers } from "./accounts.ts";
import type { Listed } from "./listing.ts";

/**
 * Reads which volumes at providers are in use, or are about to be.
 *
 * @param state read after the list: Rune stores a volume before it has it created.
 * @returns whether a listed volume is one of them. A volume of Rune without a handle is about to use what was
 * created for it, and what has its name or the handle that it names in an account that its own secrets reach.
 */
export function readUses(
  state: Pick<Reader, "get" | "list">,
  drivers: NodeDrivers,
): (listed: Listed) => boolean {
  const handles = new Set<string>();
  const uids = new Set<string>();
  /** By what volumes without a handle will look for, in which accounts. */
  const wanted = new Map<string, Set<string>>();
  for (const volume of state.list("volume")) {
    const { namespace, name, uid, spec, status } = volume;
    const account = findAccountOf(volume, { state, drivers });
    if (status.handle !== undefined) {
      const driver = status.driver ?? account?.driver.name;
      if (driver !== undefined) handles.add(JSON.stringify([driver, status.handle]));
      continue;
    }
    uids.add(uid);
    if (!account) continue;
    const { name: driver, capabilities: { handleParameter } } = account.driver;
    const handle = handleParameter === undefined ? undefined : spec.parameters?.[handleParameter];
    const key = JSON.stringify(handle === undefined ? [driver, namespace, name] : [driver, handle]);
    wanted.set(key, (wanted.get(key) ?? new Set()).add(account.key));
  }
  const isWanted = (key: string, { seenIn }: Listed) =>
    [...wanted.get(key) ?? []].some((account) => seenIn.has(account));
  return (listed) => {
    const { driver, handle, createdFor: { namespace, name, uid } } = listed;
    const byHandle = JSON.stringify([driver, handle]);
    return handles.has(byHandle) || uids.has(uid) || isWanted(byHandle, listed) ||
      isWanted(JSON.stringify([driver, namespace, name]), listed);
  };
}
