/** `rune storageclass`: list, get, create, delete, set-default. @module */
import type { Command } from "@commander-js/extra-typings";
import { RuneError } from "../../model/error.ts";
import { KINDS } from "../../model/kinds.ts";
import { collectionPath, resourcePath } from "../client/api.ts";
import { loadCastfiles, locateIssues } from "../files/castfiles.ts";
import { addGlobalFlags, type Cli, type Define, formatExamples, openSession } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { defineDelete } from "./delete.ts";
import { defineListAndGet } from "./get.ts";

function defineCreate(group: Command, cli: Cli): void {
  const create = group.command("create").description("create storage classes from a castfile")
    .requiredOption("-f, --file <source>", "a castfile, - for standard input, an https:// address");
  addGlobalFlags(create);
  create.addHelpText(
    "after",
    "\nFails if the class exists; rune cast changes it.\n" +
      formatExamples("rune storageclass create -f do-volumes-nyc3.yaml"),
  );
  create.action(async ({ file }, self) => {
    const { terminal, client, namespace } = openSession(cli, self);
    const set = await loadCastfiles([file], {
      namespace,
      recursive: false,
      stdin: terminal.stdin,
      applies: true,
    });
    const other = set.resources.find(({ declared }) => declared.kind !== "storageClass");
    if (other) {
      throw new UsageError(
        `${file} declares a ${other.declared.kind}, expected only storage classes`,
        `apply all of it with: rune cast ${file}`,
      );
    }
    for (const resource of set.resources) {
      try {
        await client.request("POST", collectionPath("storageClass"), { body: resource.body });
      } catch (error) {
        const issues = error instanceof RuneError
          ? error.issues?.map((i) => ({ ...i, resource: 0 }))
          : undefined;
        if (!(error instanceof RuneError) || !issues) throw error;
        throw locateIssues(new RuneError(error.code, error.message, { hint: error.hint, issues }), {
          resources: [resource],
        }, { applies: true });
      }
      terminal.out(`storageClass ${resource.declared.name} created\n`);
    }
  });
}

function defineSetDefault(group: Command, cli: Cli): void {
  const setDefault = group.command("set-default")
    .description("make a class the default for volumes that name none").argument("<name>");
  addGlobalFlags(setDefault);
  setDefault.addHelpText("after", formatExamples("rune storageclass set-default local"));
  setDefault.action(async (name, _, self) => {
    const { terminal, client } = openSession(cli, self);
    const key = { kind: "storageClass", namespace: "", name } as const;
    await client.request("POST", resourcePath(key, "actions", "set-default"));
    terminal.out(`storageClass ${name} is now the default\n`);
  });
}

/** See the module. */
export const define: Define = (group, cli) => {
  defineListAndGet(group, cli, KINDS.storageClass);
  defineCreate(group, cli);
  defineDelete(group, cli, KINDS.storageClass);
  defineSetDefault(group, cli);
};
