/**
 * A data directory as text, one JSON object a line, so that a later version can be given the data of an
 * earlier one:
 *
 *     {"version":"0.1.0","rootToken":"9f…","note":"…"}    first: who made it
 *     {"path":"volumes/default/data","mode":493}          a directory
 *     {"path":"state.made","mode":384,"text":"…"}         a file
 *     {"path":"volumes/default/l","link":"data"}          a symbolic link
 *     {"key":["meta","schema"],"value":1}                 an entry of the state
 *
 * Bytes in entries are `{"$text":"…"}` or, where that is longer, `{"$gzip":"<base64>"}`; `@HOME@` stands for
 * the directory above the data directory, wherever it is named. It holds no key and no token: {@linkcode
 * fixtureKey} makes them anew.
 * @module
 */
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

const HOME = "@HOME@";
/** Longer values are compressed. */
const PLAIN_BYTES = 4096;

/** The daemon that made a fixture. */
export interface FixtureHead {
  /** The version of the program. */
  version: string;
  /** Id of its root user's token. */
  rootToken: string;
  /** What its secrets are for. */
  note: string;
}

/** A key for the fixtures of a version. It is derived, always the same, and stored nowhere. */
export async function fixtureKey(
  version: string,
  purpose: "kek" | "token",
): Promise<Uint8Array<ArrayBuffer>> {
  const label = new TextEncoder().encode(`rune fixture ${version} ${purpose}`);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", label));
}

/** The root user's token of a fixture. */
export async function fixtureToken({ version, rootToken }: Pick<FixtureHead, "version" | "rootToken">) {
  const secret = await fixtureKey(version, "token");
  return `rune_${rootToken}.${secret.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

type Line =
  | FixtureHead
  | { path: string; mode: number; text?: string }
  | { path: string; link: string }
  | { key: Deno.KvKey; value: unknown };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @throws {TypeError} for values of a type that no entry has had so far. */
function encodeValue(value: unknown, home: string): unknown {
  if (value instanceof Uint8Array) {
    const text = utf8.decode(value).replaceAll(home, HOME);
    return text.length <= PLAIN_BYTES
      ? { $text: text }
      : { $gzip: gzipSync(text, { level: 9 }).toString("base64") };
  }
  if (Array.isArray(value)) return value.map((part) => encodeValue(part, home));
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    const parts = Object.entries(value).filter(([, part]) => part !== undefined);
    return Object.fromEntries(parts.map(([key, part]) => [key, encodeValue(part, home)]));
  }
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value;
  throw new TypeError(`a fixture cannot hold ${Deno.inspect(value)}: teach scripts/data_fixture.ts to`);
}

function decodeValue(value: unknown, home: string): unknown {
  if (Array.isArray(value)) return value.map((part) => decodeValue(part, home));
  if (typeof value !== "object" || value === null) return value;
  const { $text, $gzip } = value as { $text?: string; $gzip?: string };
  const text = $gzip === undefined ? $text : gunzipSync(Buffer.from($gzip, "base64")).toString();
  if (text !== undefined) return new TextEncoder().encode(text.replaceAll(HOME, home));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, decodeValue(part, home)]));
}

async function* treeLines(
  dataDir: string,
  { path, home }: { path: string; home: string },
): AsyncGenerator<Line> {
  const full = join(dataDir, path);
  const { isDirectory, isSymlink, mode } = await Deno.lstat(full);
  if (isSymlink) return yield { path, link: await Deno.readLink(full) };
  if (!isDirectory) {
    return yield { path, mode: mode! & 0o7777, text: (await Deno.readTextFile(full)).replaceAll(home, HOME) };
  }
  yield { path, mode: mode! & 0o7777 };
  const names = (await Array.fromAsync(Deno.readDir(full))).map(({ name }) => name).sort();
  for (const name of names) yield* treeLines(dataDir, { path: join(path, name), home });
}

/**
 * The lines of a fixture.
 *
 * @param home the data directory is `.rune` below it; no daemon may use it.
 * @param paths what of it is recorded beside the state.
 */
export async function* recordDataDir(
  home: string,
  { head, paths }: { head: FixtureHead; paths: string[] },
): AsyncGenerator<string> {
  const dataDir = join(home, ".rune");
  yield JSON.stringify(head);
  for (const path of paths) {
    for await (const line of treeLines(dataDir, { path, home })) yield JSON.stringify(line);
  }
  using kv = await Deno.openKv(join(dataDir, "state.db"));
  for await (const { key, value } of kv.list({ prefix: [] })) {
    yield JSON.stringify({ key, value: encodeValue(value, home) });
  }
}

/**
 * Creates the data directory `.rune` of a fixture below `home`. @returns the daemon that made the fixture.
 */
export async function replayDataDir(text: string, home: string): Promise<FixtureHead> {
  const dataDir = join(home, ".rune");
  await Deno.mkdir(dataDir, { mode: 0o711 });
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line) as Line);
  using kv = await Deno.openKv(join(dataDir, "state.db"));
  for (const line of lines.slice(1)) {
    if ("key" in line) await kv.set(line.key, decodeValue(line.value, home));
    else if ("link" in line) await Deno.symlink(line.link, join(dataDir, line.path));
    else if ("path" in line) await makeEntry(join(dataDir, line.path), line, home);
  }
  return lines[0] as FixtureHead;
}

async function makeEntry(
  path: string,
  { mode, text }: { mode: number; text?: string },
  home: string,
): Promise<void> {
  if (text === undefined) await Deno.mkdir(path, { recursive: true });
  else await Deno.writeTextFile(path, text.replaceAll(HOME, home));
  await Deno.chmod(path, mode);
}
