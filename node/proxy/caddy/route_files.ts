/**
 * Routes as files that Caddy reads at each request: Caddy is told nothing when one changes, so no connection
 * ends, and it goes on with the last routes while no daemon lives. A host name is a folder; what it leads to
 * stands in the name of a file in it:
 *
 * ```
 * <host>/                              the name is known; with no list in it, it answers 503
 * <host>/certify                       a certificate for it may be asked for
 * <host>/https                         it is sent on to HTTPS; then the certifier makes and removes `certify`
 * <host>/all,<version>,a,b,c,…         a list of twelve places; four addresses take them by turns
 * <host>/<00…ff>,<version>,a,b,c,…     the same for more than twelve: a request draws one of 256 lists
 * ```
 *
 * Where a list is longer than a name may be, it goes on in the name of what is in it
 * (`all,<version>,a,b/c,d/…`). The next list is the last one renamed, which a full disk does not keep from;
 * or it is made aside and renamed into its place beside the last one, which sorts after it. Whoever reads
 * finds one of the two, whole.
 * @module
 */
import type { Route } from "../proxy.ts";

/**
 * Addresses that one list has room for; a multiple of 1, 2, 3, 4 and 6, so that each of so many gets as much
 * as the others.
 */
export const PLACES = 12;
/** Bytes of a name, at most. */
const NAME_MAX = 255;
/** Names that a list takes at most: of twelve addresses of IPv6 with a port, four go into each. */
export const DEPTH = 3;
const LISTS = 256;
/** The list that is alone. */
export const ONLY = "all";
/** Marks a name for which a certificate may be asked. */
export const CERTIFY = "certify";
/** Marks a name that is sent on to HTTPS. */
export const ONWARD = "https";
/** What is being made or removed; no host name begins so. */
const ASIDE = ".";

/** Versions count down: the newest sorts first. */
const FIRST_VERSION = 99_999_999;
/** How long a reader may take from seeing a name to seeing what is in it. */
const READ_MS = 20;

const ignoreAbsent = (error: unknown) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
};

/** The lists of these addresses, by tag: what to try, one after the other. */
export function listsOf(upstreams: string[]): Map<string, string[]> {
  const sorted = [...new Set(upstreams)].sort();
  if (sorted.length === 0) return new Map();
  const from = (first: number) =>
    Array.from({ length: PLACES }, (_, i) => sorted[(first + i) % sorted.length]!);
  if (sorted.length <= PLACES) return new Map([[ONLY, from(0)]]);
  return new Map(
    Array.from({ length: LISTS }, (_, n) => [n.toString(16).padStart(2, "0"), from(n * PLACES)]),
  );
}

/** The names of a list, from the outer to the inner. */
function namesOf(tag: string, { version, list }: { version: number; list: string[] }): string[] {
  return list.reduce<string[]>((names, address) => {
    const longer = names.length === 0 ? "" : `${names.at(-1)},${address}`;
    if (longer !== "" && longer.length <= NAME_MAX) return [...names.slice(0, -1), longer];
    return [...names, address];
  }, [`${tag},${version}`]);
}

interface Found {
  name: string;
  tag: string;
  version: number;
  list: string[];
  /** It is all in one name. */
  alone: boolean;
}

async function entriesOf(dir: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** The list in an entry of a host's folder; undefined where it is no list. */
async function readList(dir: string, name: string): Promise<Found | undefined> {
  const [tag, version, ...list] = name.split(",");
  if (tag === undefined || !/^\d+$/.test(version ?? "")) return undefined;
  const alone = list.length === PLACES;
  let path = `${dir}/${name}`;
  while (list.length < PLACES) {
    const [inner] = await entriesOf(path);
    if (inner === undefined) return undefined;
    list.push(...inner.split(","));
    path += `/${inner}`;
  }
  return { name, tag, version: Number(version), list, alone };
}

/** Takes something out of the way at once, then removes it. */
async function discard(path: string, dir: string): Promise<void> {
  const aside = `${dir}/${ASIDE}${crypto.randomUUID()}`;
  await Deno.rename(path, aside).catch(ignoreAbsent);
  await Deno.remove(aside, { recursive: true }).catch(ignoreAbsent);
}

async function makeEmpty(path: string): Promise<void> {
  (await Deno.open(path, { create: true, write: true })).close();
}

async function addList(dir: string, names: string[]): Promise<void> {
  const aside = `${dir}/${ASIDE}${crypto.randomUUID()}`;
  const [, ...inner] = names;
  if (inner.length > 0) await Deno.mkdir([aside, ...inner.slice(0, -1)].join("/"), { recursive: true });
  await makeEmpty([aside, ...inner].join("/"));
  await Deno.rename(aside, `${dir}/${names[0]}`);
}

/** Makes one host's folder say what the route says. @returns what nobody is to read any more. */
async function writeRoute(
  dir: string,
  { upstreams, onward }: { upstreams: string[]; onward: boolean },
): Promise<string[]> {
  await Deno.mkdir(dir, { recursive: true });
  const entries = await entriesOf(dir);
  if (onward && !entries.includes(ONWARD)) await makeEmpty(`${dir}/${ONWARD}`);
  if (!onward && entries.includes(ONWARD)) await Deno.remove(`${dir}/${ONWARD}`);
  if (!onward && !entries.includes(CERTIFY)) await makeEmpty(`${dir}/${CERTIFY}`);
  const lists = entries.filter((name) => ![CERTIFY, ONWARD].includes(name) && !name.startsWith(ASIDE));
  const found = (await Promise.all(lists.map((name) => readList(dir, name)))).flatMap((f) => f ?? [])
    .sort((a, b) => a.version - b.version);
  const kept = new Set<string>();
  for (const [tag, list] of listsOf(upstreams)) {
    const newest = found.find((f) => f.tag === tag);
    if (newest && newest.list.join() === list.join()) {
      kept.add(newest.name);
      continue;
    }
    const names = namesOf(tag, { version: (newest?.version ?? FIRST_VERSION) - 1, list });
    if (newest?.alone && names.length === 1) {
      await Deno.rename(`${dir}/${newest.name}`, `${dir}/${names[0]}`);
      kept.add(newest.name);
    } else await addList(dir, names);
  }
  return [...lists.filter((name) => !kept.has(name)), ...entries.filter((name) => name.startsWith(ASIDE))]
    .map((name) => `${dir}/${name}`);
}

/**
 * Makes the folder say what the routes say. What it leads away from is gone when it returns. One call at a
 * time.
 *
 * @param options.isOnward whether plain HTTP to a host name is sent on to HTTPS.
 */
export async function writeRoutes(
  dir: string,
  routes: Route[],
  { isOnward }: { isOnward: (host: string) => boolean },
): Promise<void> {
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  const stale: string[] = [];
  for (const { host, upstreams } of routes) {
    stale.push(...await writeRoute(`${dir}/${host}`, { upstreams, onward: isOnward(host) }));
  }
  const hosts = new Set(routes.map(({ host }) => host));
  stale.push(...(await entriesOf(dir)).filter((name) => !hosts.has(name)).map((name) => `${dir}/${name}`));
  if (stale.length === 0) return;
  await new Promise((resolve) => setTimeout(resolve, READ_MS));
  for (const path of stale) await discard(path, dir);
}

/** Lets Caddy ask for a certificate of a name, or keeps it from it; nothing where the name is gone. */
export async function permitCertificate(
  dir: string,
  { host, permitted }: { host: string; permitted: boolean },
): Promise<void> {
  const path = `${dir}/${host}/${CERTIFY}`;
  await (permitted ? makeEmpty(path) : Deno.remove(path)).catch(ignoreAbsent);
}
