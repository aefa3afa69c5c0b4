/**
 * Cleans up Caddy's storage: certificates, keys, and its own authority. Caddy writes files in place, and the
 * files of a set one after the other. If it is killed, or the disk is full, a partial set stays, with which
 * no Caddy can load a configuration.
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { join, parse } from "node:path";
import type { CaddyFiles } from "./config.ts";

/** Files whose text shows whether it is complete. */
const EXTENSIONS = [".crt", ".key", ".json"];
const PEM = /-----BEGIN [^]+-----END [A-Z ]+-----\s*$/;

/** The texts of a set of files, by extension. */
type FileSet = Partial<Record<"crt" | "key" | "json", string>>;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a certificate belongs to the key beside it, since a renewal writes the key first. True if it cannot
 * be determined.
 */
function isPaired(crt: string, key: string): boolean {
  try {
    return new X509Certificate(crt).checkPrivateKey(createPrivateKey(key));
  } catch {
    return true;
  }
}

/**
 * Whether each file is complete, and the set too: a certificate needs its key, and a key its certificate or,
 * for an account, its `.json`.
 */
function isSound({ crt, key, json }: FileSet): boolean {
  if ([crt, key].some((text) => text !== undefined && !PEM.test(text))) return false;
  if (json !== undefined && !isJson(json)) return false;
  if (crt === undefined) return key === undefined || json !== undefined;
  return key !== undefined && isPaired(crt, key);
}

async function readSet(path: string, extensions: string[]): Promise<FileSet> {
  const texts = extensions.map(async (ext) => [ext.slice(1), await Deno.readTextFile(path + ext)] as const);
  return Object.fromEntries(await Promise.all(texts));
}

/** How long a living Caddy may take to write a set. */
const WRITE_MS = 250;

interface Part {
  stem: string;
  extensions: string[];
  /** The texts of its files. */
  text: string;
}

async function lookForParts(folder: string): Promise<Part[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const known = entries.filter(({ isFile }) => isFile).map(({ name }) => parse(name))
    .filter(({ ext }) => EXTENSIONS.includes(ext));
  const sets = await Promise.all(
    [...Map.groupBy(known, ({ name }) => name)].map(async ([stem, members]) => {
      const extensions = members.map(({ ext }) => ext).sort();
      return { stem, extensions, set: await readSet(join(folder, stem), extensions) };
    }),
  );
  return sets.filter(({ set }) => !isSound(set))
    .map(({ stem, extensions, set }) => ({ stem, extensions, text: JSON.stringify(set) }));
}

/**
 * Finds the sets in a folder that stay partial for a while, since a living Caddy may be about to write the
 * rest.
 */
async function partsIn(folder: string): Promise<Part[]> {
  const before = await lookForParts(folder);
  if (before.length === 0) return [];
  await new Promise((resolve) => setTimeout(resolve, WRITE_MS));
  const isSamePart = (a: Part) => (b: Part) => a.stem === b.stem && a.text === b.text;
  return (await lookForParts(folder)).filter((part) => before.some(isSamePart(part)));
}

/**
 * Removes partial sets of files, which Caddy will create again. If the root of its own authority is partial,
 * everything that it signed is removed too.
 *
 * @returns the removed sets, as paths below the storage without extensions.
 */
export async function discardParts({ storage }: CaddyFiles): Promise<string[]> {
  const discarded: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    const entries = await Array.fromAsync(Deno.readDir(join(storage, folder)));
    for (const { name, isDirectory } of entries) if (isDirectory) await visit(join(folder, name));
    for (const { stem, extensions } of await partsIn(join(storage, folder))) {
      const path = join(folder, stem);
      discarded.push(path);
      const [, authority] = /^pki\/authorities\/([^/]+)$/.exec(folder) ?? [];
      const gone = authority !== undefined && stem === "root"
        ? [folder, `certificates/${authority}`]
        : extensions.map((ext) => path + ext);
      for (const each of gone) {
        await Deno.remove(join(storage, each), { recursive: true }).catch(ignoreAbsent);
      }
    }
  };
  await visit("").catch(ignoreAbsent);
  return discarded;
}

/** Removes the locks of a dead Caddy. Otherwise the next one waits before it obtains certificates. */
export async function discardLocks({ storage }: CaddyFiles): Promise<void> {
  await Deno.remove(`${storage}/locks`, { recursive: true }).catch(ignoreAbsent);
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
