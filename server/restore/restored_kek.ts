/**
 * The key of the secrets at a restore: which one opens the restored state, and whether it is to be put in
 * place.
 * @module
 */
import { RuneError } from "../../model/error.ts";
import { checkKek, neededKeks, type SealedState } from "../../store/restore_target.ts";
import { type Kek, type KekSource, parseKek, readKekFile } from "../../store/restore_target.ts";

/** A key file to write. */
export interface NewKek {
  path: string;
  text: string;
}

/**
 * Decides which key the restored state goes on with. One that is there already and opens it stays; else it is
 * the one of the backup. A state whose key neither is restores only where no other key lies: that key is then
 * for the operator to bring.
 *
 * @param options.source where the daemon will look for it.
 * @param options.unpacked the file of the key that the backup holds.
 * @returns the file to write; undefined when nothing is to be written.
 * @throws {RuneError} `failed_precondition` when a key is there that does not open the state, or the backup's
 * does not.
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
      hint: `restore another backup; or put the key that was in force then into ${place}, and run it again`,
    });
  }
  if (there) {
    throw new RuneError(
      "failed_precondition",
      `${place} is another key than the one that the secrets of the backup are sealed with`,
      {
        hint: source.from === "file" ? `move ${place} away first` : `set ${source.variable} to the right key`,
      },
    );
  }
  if (!brought) return undefined;
  if (source.from === "file") return { path: source.path, text: brought.text };
  throw new RuneError("failed_precondition", `${place} is empty, and the daemon takes its key from there`, {
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
