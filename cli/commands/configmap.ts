/** `rune configmap`: list, get, create, delete; and `rune create configmap`. @module */
import type { Command } from "@commander-js/extra-typings";
import { KINDS } from "../../model/kinds.ts";
import { collectionPath } from "../client/api.ts";
import { addGlobalFlags, type Cli, type Define, formatExamples, openSession } from "../client/command.ts";
import { addDataFlags, type DataFlags, readDataFlags } from "../files/data_flags.ts";
import { defineDelete } from "./delete.ts";
import { defineListAndGet } from "./get.ts";

/** Defines the command that creates a configmap, under the name that its group uses. */
export function defineCreateConfigMap(group: Command, cli: Cli, word: "create" | "configmap"): void {
  const create = group.command(word).description("create a configmap from values and files").argument(
    "<name>",
  );
  if (word === "configmap") create.alias("cm");
  addDataFlags(create);
  addGlobalFlags(create);
  const typed = word === "create" ? "rune configmap create" : "rune create configmap";
  create.addHelpText(
    "after",
    "\nFails if the configmap exists. rune cast changes it, and `rune restart` gives services its new values.\n" +
      formatExamples(
        `${typed} app --from-literal LOG_LEVEL=info --from-literal REGION=fra`,
        `${typed} nginx --from-file nginx.conf --from-file site=conf.d/site.conf`,
        `${typed} certs --from-file ./certs -n prod`,
      ),
  );
  create.action(async (name, flags, self) => {
    const { terminal, client, namespace } = openSession(cli, self);
    const data = await readDataFlags(flags as unknown as DataFlags, terminal.stdin);
    await client.request("POST", collectionPath("configmap", namespace), { body: { name, data } });
    const keys = Object.keys(data).length;
    terminal.out(`configmap ${namespace}/${name} created (${keys} ${keys === 1 ? "key" : "keys"})\n`);
  });
}

/** See the module. */
export const define: Define = (group, cli) => {
  defineListAndGet(group, cli, KINDS.configmap);
  defineCreateConfigMap(group, cli, "create");
  defineDelete(group, cli, KINDS.configmap);
};
