/** `rune admin bootstrap`: the first token. @module */
import type { Command } from "@commander-js/extra-typings";
import type { NewTokenView } from "../../../model/identity.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession } from "../../client/command.ts";
import { newTokenText } from "../../describe/identity_text.ts";
import { printNewToken } from "./token.ts";

/** Defines the command. */
export function defineBootstrap(group: Command, cli: Cli): void {
  const bootstrap = group.command("bootstrap").description(
    "create the first token, once, on the daemon's own machine",
  )
    .option(
      "--out-file <file>",
      "write the token to a new file that only you can read, instead of printing it",
    );
  addGlobalFlags(bootstrap);
  bootstrap.addHelpText(
    "after",
    "\nThe token belongs to the user root, who may do everything, and is shown once. The command works only while the\n" +
      "daemon has no valid token. Run it right after the first start: whoever runs it first is root.\n" +
      formatExamples(
        "rune admin bootstrap --out-file root.token",
        "rune login local --server http://127.0.0.1:7861 --token-file root.token",
      ),
  );
  bootstrap.action(async ({ outFile }, self) => {
    const session = openSession(cli, self);
    await printNewToken(
      session,
      { outFile, text: (made: NewTokenView) => newTokenText(made, Date.now()) },
      () => session.client.request<NewTokenView>("POST", "/v1/auth/bootstrap"),
    );
  });
}
