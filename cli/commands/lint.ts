/** `rune lint`: checks castfiles and runefiles without a daemon. @module */
import { basename } from "node:path";
import { loadCastfiles } from "../castfiles.ts";
import { addGlobalFlags, type Define, examples, openSession } from "../command.ts";

const count = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** A runefile by its name; castfiles are never TOML. */
const isRunefile = (source: string) =>
  source.endsWith(".toml") || /^runefile[^/]*\.ya?ml$/.test(basename(source));

/** See the module. */
export const define: Define = (command, cli) => {
  const lint = command
    .argument("<sources...>", "files, directories, patterns, - for standard input, https:// addresses")
    .option("-r, --recursive", "descend into directories")
    .option("--runefile", "the files are runefiles, whatever their names");
  addGlobalFlags(lint);
  lint.addHelpText(
    "after",
    "\nFinds what the files alone can tell; a cast also checks them against what exists. Files called runefile….yaml, and\n" +
      "every .toml, are runefiles. Exit code 6 means mistakes.\n" +
      examples("rune lint web.yaml", "rune lint -r apps/", "rune lint /etc/rune/runefile.yaml"),
  );
  lint.action(async (sources, options, self) => {
    const { terminal, namespace } = openSession(cli, self);
    const runefiles = sources.filter((source) => options.runefile || isRunefile(source));
    for (const file of runefiles) {
      const warnings = await (await cli.offline()).checkRunefile(file);
      terminal.out(`ok: ${file}\n`);
      for (const warning of warnings) terminal.err(`${file}: warning: ${warning}\n`);
    }
    const castfiles = sources.filter((source) => !runefiles.includes(source));
    if (castfiles.length === 0) return;
    const { resources, files } = await loadCastfiles(castfiles, {
      namespace,
      recursive: options.recursive ?? false,
      stdin: terminal.stdin,
    });
    terminal.out(`ok: ${count(resources.length, "resource")} in ${count(files, "file")}\n`);
  });
};
