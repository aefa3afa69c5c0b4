/**
 * What Caddy keeps on disk: certificates, their keys, its own authority. It writes each file in place and sets of files one after
 * the other. One that is killed meanwhile, or a disk that is full, leaves a part, and with that no Caddy takes any routes.
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { CaddyFiles } from "./config.ts";

/** Files that hold text which shows by itself whether it is all there. */
const FILE = /^(.+)\.(crt|key|json)$/;
const PEM = /-----BEGIN [^]+-----END [A-Z ]+-----\s*$/;

async function isWhole(path: string): Promise<boolean> {
  const text = await Deno.readTextFile(path);
  if (!path.endsWith(".json")) return PEM.test(text);
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether a set has all that belongs to it: a certificate its key, a key its certificate or, an account's, its `.json`. */
function isComplete(stem: string, members: string[]): boolean {
  const has = (extension: string) => members.includes(`${stem}.${extension}`);
  return has("crt") ? has("key") : has("json") || !has("key");
}

/** Whether a certificate is for the key beside it: a new one is written after its key. What cannot be told counts as so. */
async function isPaired(certificate: string, key: string): Promise<boolean> {
  const [crt, pem] = await Promise.all([certificate, key].map((path) => Deno.readTextFile(path)));
  try {
    return new X509Certificate(crt!).checkPrivateKey(createPrivateKey(pem!));
  } catch {
    return true;
  }
}

/** The sets of files of one folder that are there in part. */
async function partsIn(folder: string, files: string[]): Promise<string[]> {
  const parts: string[] = [];
  for (const [stem, members] of Map.groupBy(files, (file) => FILE.exec(file)![1]!)) {
    const path = join(folder, stem);
    const whole = await Promise.all(members.map((file) => isWhole(join(folder, file))));
    const good = whole.every(Boolean) && isComplete(stem, members) &&
      (!members.includes(`${stem}.crt`) || await isPaired(`${path}.crt`, `${path}.key`));
    if (!good) parts.push(stem);
  }
  return parts;
}

/**
 * Removes sets of files that are there in part: Caddy makes them anew. With the root of its own authority goes all that it
 * signed, and nothing else does.
 *
 * @returns what was removed, as paths below the storage without their extensions.
 */
export async function discardParts({ storage }: CaddyFiles): Promise<string[]> {
  const discarded: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    const entries = await Array.fromAsync(Deno.readDir(join(storage, folder)));
    for (const { name, isDirectory } of entries) if (isDirectory) await visit(join(folder, name));
    const known = entries.filter(({ name, isFile }) => isFile && FILE.test(name)).map(({ name }) => name);
    for (const stem of await partsIn(join(storage, folder), known)) {
      discarded.push(join(folder, stem));
      const [, authority] = /^pki\/authorities\/([^/]+)$/.exec(folder) ?? [];
      const gone = authority !== undefined && stem === "root"
        ? [folder, `certificates/${authority}`]
        : known.filter((name) => FILE.exec(name)![1] === stem).map((name) => join(folder, name));
      for (const path of gone) {
        await Deno.remove(join(storage, path), { recursive: true }).catch(ignoreAbsent);
      }
    }
  };
  await visit("").catch(ignoreAbsent);
  return discarded;
}

/** Removes the locks of a Caddy that is gone: with them the next one waits before it makes certificates. */
export async function discardLocks({ storage }: CaddyFiles): Promise<void> {
  await Deno.remove(`${storage}/locks`, { recursive: true }).catch(ignoreAbsent);
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
