/** Decides which key encryption key a restored state uses, and whether the restore must write it. @module */
import { RuneError } from "../../model/error.ts";
import { checkKek, neededKeks, type SealedState } from "../../store/restore_target.ts";
import { type Kek, type KekSource, parseKek, readKekFile } from "../../store/restore_target.ts";

/** A key file to write. */
export interface NewKek {
  path: string;
  text: string;
}

/**
 * Decides which key the restored state uses. An existing key that opens the state stays; otherwise the key of
 * the backup is used. If neither is available, the state is restored only if there is no other key, and the
 * operator has to provide it later.
 *
 * @param options.source where the daemon will look for the key.
 * @param options.unpacked the file with the key of the backup.
 * @returns the file to write; undefined if there is nothing to write.
 * @throws {RuneError} `failed_precondition` if the existing key, or the key of the backup, does not open the
 * state.
 */
export async function settleKek(
  state: SealedState,
  { source, unpacked }: { source: KekSource; unpacked?: string },
): Promise<NewKek | undefined> {
  if ((await neededKeks(state)).size === 0) return undefined;
  const there = source.from === "file" ? await readKekFile(source.path) : await kekOfVariable(source);
  if (there && await opens(state, there)) return undefined;
  const place = source.from === "file" ? source.path : `the variable ${source.variable}`;
  const brought = unpacked === undefined ? undefined : await readKekFile(unpacked);
  if (brought && !await opens(state, brought)) {
    throw new RuneError("failed_precondition", "the key in the backup does not open the secrets in it", {
      hint: `restore another backup, or put the key of that time into ${place} and restore again`,
    });
  }
  if (there) {
    throw new RuneError(
      "failed_precondition",
      `${place} is not the key that encrypts the secrets in the backup`,
      {
        hint: source.from === "file" ? `move ${place} away first` : `set ${source.variable} to the right key`,
      },
    );
  }
  if (!brought) return undefined;
  if (source.from === "file") return { path: source.path, text: brought.text };
  throw new RuneError("failed_precondition", `${place} is empty, but the daemon reads its key from there`, {
    hint: `set ${source.variable} to the key in the backup (tar -xzOf <file> kek), here and for the daemon`,
  });
}

async function kekOfVariable(
  { variable, value }: Extract<KekSource, { from: "env" }>,
): Promise<Kek | undefined> {
  return value ? await parseKek(value, `the environment variable ${variable}`) : undefined;
}

async function opens(state: SealedState, kek: Kek): Promise<boolean> {
  return await checkKek(state, kek).then(() => true, (error) => {
    if (error instanceof RuneError && error.code === "failed_precondition") return false;
    throw error;
  });
}
