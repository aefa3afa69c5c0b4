/** `rune lint`: checks castfiles without a daemon. @module */
import { loadCastfiles } from "../castfiles.ts";
import { addGlobalFlags, type Define, examples, openSession } from "../command.ts";

const count = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** See the module. */
export const define: Define = (command, cli) => {
  const lint = command
    .argument("<sources...>", "files, directories, patterns, - for standard input, https:// addresses")
    .option("-r, --recursive", "descend into directories");
  addGlobalFlags(lint);
  lint.addHelpText(
    "after",
    "\nFinds what the files alone can tell; a cast also checks them against what exists. Exit code 6 means mistakes.\n" +
      examples("rune lint web.yaml", "rune lint -r apps/"),
  );
  lint.action(async (sources, options, self) => {
    const { terminal, namespace } = openSession(cli, self);
    const { resources, files } = await loadCastfiles(sources, {
      namespace,
      recursive: options.recursive ?? false,
      stdin: terminal.stdin,
    });
    terminal.out(`ok: ${count(resources.length, "resource")} in ${count(files, "file")}\n`);
  });
};
