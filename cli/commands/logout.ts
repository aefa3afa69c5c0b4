/** `rune logout`: forgets a token. @module */
import { addGlobalFlags, type Define, formatExamples } from "../client/command.ts";
import { requireContext, writeConfig } from "../files/config_file.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { requireConfig } from "./login.ts";

/** See the module. */
export const define: Define = (command, cli) => {
  const logout = command.argument("[context]", "default: the current one");
  addGlobalFlags(logout);
  logout.addHelpText(
    "after",
    "\nThe context stays, without its token. The token itself stays valid until: rune admin token revoke <id>\n" +
      formatExamples("rune logout", "rune logout prod"),
  );
  logout.action(async (word) => {
    const config = requireConfig(cli);
    const name = word ?? config.current;
    if (name === undefined) {
      throw new UsageError("there is no current context", "name one: rune logout <context>");
    }
    const { token, ...kept } = requireContext(config, name);
    if (token === undefined) return cli.terminal.out(`context ${name} has no token\n`);
    await writeConfig({ ...config, contexts: { ...config.contexts, [name]: kept } });
    cli.terminal.out(`logged out of ${name}\n`);
  });
};
