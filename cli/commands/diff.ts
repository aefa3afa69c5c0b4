/** `rune diff`: prints what a cast would change, and tells it by the exit code. @module */
import { loadCastfiles } from "../files/castfiles.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { printError } from "../terminal/errors.ts";
import { EXIT, exitCodeOf } from "../terminal/exit_codes.ts";
import { OutputClosed } from "../terminal/terminal.ts";
import { printChanges, sendCast } from "./cast.ts";

/** See the module. */
export const define: Define = (command, cli) => {
  const diff = command
    .argument("<sources...>", "files, directories, patterns, - for standard input, https:// addresses")
    .option("-r, --recursive", "descend into directories");
  addGlobalFlags(diff);
  diff.addHelpText(
    "after",
    "\nExit codes: 0 nothing would change, 1 something would, 2 or more for a failure.\n" +
      formatExamples("rune diff web.yaml", "rune diff -r apps/ && echo in sync"),
  );
  diff.action(async (sources, options, self) => {
    const session = openSession(cli, self);
    const { terminal, namespace } = session;
    try {
      const recursive = options.recursive ?? false;
      const set = await loadCastfiles(sources, { namespace, recursive, stdin: terminal.stdin });
      const { results } = await sendCast(session, set, { dryRun: true });
      if (printChanges(session, set, results)) cli.exitCode = EXIT.failure;
      else terminal.err("nothing would change\n");
    } catch (error) {
      if (error instanceof OutputClosed) throw error;
      // 1 means that something differs, so a failure needs another code.
      printError(terminal, error);
      cli.exitCode = Math.max(EXIT.usage, exitCodeOf(error));
    }
  });
};
