/**
 * Writes routes as files that Caddy reads at each request. A change of routes needs no reload, so no
 * connection ends, and Caddy keeps using the last routes while no daemon runs. A host name is a folder. The
 * name of a file in it has the addresses:
 *
 * ```
 * <host>/                              the name is known; with no list in it, it answers 503
 * <host>/certify                       a certificate for it may be asked for
 * <host>/https                         it is sent on to HTTPS; then the certifier makes and removes `certify`
 * <host>/all,<version>,a,b,c,…         a list of twelve places; four addresses take them by turns
 * <host>/<00…ff>,<version>,a,b,c,…     the same for more than twelve: a request draws one of 256 lists
 * ```
 *
 * A list that is too long for one name continues in the names below it (`all,<version>,a,b/c,d/…`). To
 * replace a list, the old one is renamed, which works even on a full disk; or a new one is created aside and
 * renamed to its place beside the old one, which sorts after it. Readers always find one complete list.
 * @module
 */
import type { Route } from "../proxy.ts";

/**
 * The number of places in a list: a multiple of 1, 2, 3, 4 and 6, so that so many addresses get equal shares.
 */
export const PLACES = 12;
/** The most bytes of a file name. */
const NAME_MAX = 255;
/** The most names of a list: of twelve IPv6 addresses with ports, four fit into a name. */
export const DEPTH = 3;
const LISTS = 256;
/** The tag of a single list. */
export const ONLY = "all";
/** Marks a name for which Caddy may obtain a certificate. */
export const CERTIFY = "certify";
/** Marks a name that is redirected to HTTPS. */
export const ONWARD = "https";
/** The prefix of entries that are being created or removed; no host name begins so. */
const ASIDE = ".";

/** Versions count down, so that the newest sorts first. */
const FIRST_VERSION = 99_999_999;
/** How long a reader may take between reading a name and reading what is in it. */
const READ_MS = 20;

const ignoreAbsent = (error: unknown) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
};

/** The lists for these addresses, by tag. Caddy tries the entries of a list in order. */
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

/** The file names of a list, from the outermost to the innermost. */
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
  /** Whether the list fits into one name. */
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

/** Reads the list in an entry of a host's folder; undefined if the entry is no list. */
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

/** Renames an entry out of the way, and then removes it. */
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

/** Writes the folder of one host. @returns entries that are out of date. */
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
 * Writes the routes. When it returns, no request is routed to a removed address. One call at a time.
 *
 * @param options.isOnward whether plain HTTP to a host name is redirected to HTTPS.
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

/** Permits Caddy to obtain a certificate for a name, or forbids it. Does nothing if the name is gone. */
export async function permitCertificate(
  dir: string,
  { host, permitted }: { host: string; permitted: boolean },
): Promise<void> {
  const path = `${dir}/${host}/${CERTIFY}`;
  await (permitted ? makeEmpty(path) : Deno.remove(path)).catch(ignoreAbsent);
}
