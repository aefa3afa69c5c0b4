/** Finds the KEK at start and checks that it is the one that wraps the data keys. @module */
import { moveEntry } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import type { Store } from "../contract.ts";
import { type Kek, type KekSource, makeKekFile, nextPath, parseKek, readKekFile } from "./kek.ts";

/** The id of the current KEK, by which a wrong key is recognised. */
export const KEK_META = "kek";

/** The result of opening. */
export interface OpenedKek {
  kek: Kek;
  /** The target of a rotation that was begun and must be finished. */
  next?: Kek;
}

const BACKUP =
  "without it no secret can be read; Rune makes a new one only for a data directory that never had a key";

/**
 * Finds the KEK of a store. At the first start, with a file as its source, it creates one.
 *
 * @param options.hasKeys whether data keys exist.
 * @throws {RuneError} `failed_precondition` if it is missing, or not the current one.
 */
export async function openKek(
  store: Store,
  source: KekSource,
  { hasKeys }: { hasKeys: boolean },
): Promise<OpenedKek> {
  const inForce = await store.getMeta(KEK_META) as string | undefined;
  const opened = source.from === "file"
    ? await openFile(source.path, { inForce, mayMake: inForce === undefined && !hasKeys })
    : await openEnv(source, inForce);
  if (inForce === undefined) await store.putMeta(KEK_META, opened.kek.id);
  return opened;
}

async function openFile(
  path: string,
  { inForce, mayMake }: { inForce?: string; mayMake: boolean },
): Promise<OpenedKek> {
  const next = await readKekFile(nextPath(path));
  if (next && next.id === inForce) {
    // The rotation was complete except for renaming the file.
    await moveEntry(nextPath(path), path);
    return { kek: next };
  }
  const kek = await readKekFile(path) ?? (mayMake ? await makeKekFile(path) : undefined);
  if (!kek) {
    throw new RuneError("failed_precondition", `the key encryption key ${path} is missing`, {
      hint: `restore ${path} from its backup: ${BACKUP}`,
    });
  }
  if (inForce !== undefined && kek.id !== inForce) throw wrongKeyError(path);
  return { kek, ...(next && inForce !== undefined && { next }) };
}

async function openEnv(
  { variable, value, previous }: Extract<KekSource, { from: "env" }>,
  inForce: string | undefined,
): Promise<OpenedKek> {
  if (value === undefined || value === "") {
    throw new RuneError(
      "failed_precondition",
      `the environment variable ${variable} holds no key encryption key`,
      {
        hint: inForce === undefined
          ? `set it to 32 random bytes in base64, for example: ${variable}=$(openssl rand -base64 32)`
          : `set it to the key that this data directory was used with: ${BACKUP}`,
      },
    );
  }
  const kek = await parseKek(value, `the environment variable ${variable}`);
  if (inForce === undefined || kek.id === inForce) return { kek };
  const before = previous
    ? await parseKek(previous, `the environment variable ${variable}_PREVIOUS`)
    : undefined;
  if (before?.id === inForce) return { kek: before, next: kek };
  throw wrongKeyError(`the environment variable ${variable}`);
}

function wrongKeyError(where: string): RuneError {
  return new RuneError(
    "failed_precondition",
    `${where} is not the key encryption key that this data directory was used with`,
    { hint: `restore the right one from its backup: ${BACKUP}` },
  );
}
