/** `rune secret`: list, get, create, delete; and `rune create secret`. Values are never printed. @module */
import type { Command } from "@commander-js/extra-typings";
import { KINDS } from "../../model/kinds.ts";
import { oddLineEnd } from "../../model/secret_value.ts";
import { collectionPath } from "../client/api.ts";
import { addGlobalFlags, type Cli, type Define, formatExamples, openSession } from "../client/command.ts";
import { addDataFlags, type DataFlags, readDataFlags } from "../files/data_flags.ts";
import { defineDelete } from "./delete.ts";
import { defineListAndGet } from "./get.ts";

/** Defines the command that creates a secret, under the name that its group uses. */
export function defineCreateSecret(group: Command, cli: Cli, word: "create" | "secret"): void {
  const create = group.command(word).description("create a secret from values and files").argument("<name>")
    .option("--type <type>", "a word of your choice that says what it is");
  addDataFlags(create);
  addGlobalFlags(create);
  const typed = word === "create" ? "rune secret create" : "rune create secret";
  create.addHelpText(
    "after",
    "\nFails if the secret exists; rune cast changes it. Rune never shows a value again. Values of --from-literal appear\n" +
      "in the shell's history and in the process list, so prefer --from-file.\n" +
      formatExamples(
        `${typed} db --from-file password=./password.txt`,
        `pass show db | tr -d '\\n' | ${typed} db --from-file password=-`,
        `${typed} do-api-token --from-literal=token=dop_v1_… -n shared`,
      ),
  );
  create.action(async (name, flags, self) => {
    const { terminal, client, namespace, paintErr } = openSession(cli, self);
    const { type, ...rest } = flags as unknown as DataFlags & { type?: string };
    const data = await readDataFlags(rest, terminal.stdin);
    const body = { name, ...(type !== undefined && { type }), data };
    await client.request("POST", collectionPath("secret", namespace), { body });
    for (const [key, value] of Object.entries(data)) {
      const odd = oddLineEnd(value);
      if (odd === undefined) continue;
      terminal.err(
        `${
          paintErr("yellow", "warning")
        } the value of "${key}" ${odd}; if it should not be, delete the secret and write ` +
          `printf %s "$VALUE" | ${typed} ${name} --from-file ${key}=-\n`,
      );
    }
    const keys = Object.keys(data).length;
    terminal.out(`secret ${namespace}/${name} created (${keys} ${keys === 1 ? "key" : "keys"})\n`);
  });
}

/** See the module. */
export const define: Define = (group, cli) => {
  defineListAndGet(group, cli, KINDS.secret);
  defineCreateSecret(group, cli, "create");
  defineDelete(group, cli, KINDS.secret);
};
