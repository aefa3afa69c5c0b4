/** `rune admin rotate-kek`: a new key for all secrets. @module */
import type { Command } from "@commander-js/extra-typings";
import { addGlobalFlags, type Cli, examples, openSession } from "../../client/command.ts";

/** Wrapping anew and rewriting the database may take this long, in milliseconds. */
const TIMEOUT_MS = 10 * 60_000;

/** Defines it. */
export function defineRotateKek(group: Command, cli: Cli): void {
  const rotate = group.command("rotate-kek").description(
    "replace the key encryption key, while everything goes on",
  );
  addGlobalFlags(rotate);
  rotate.addHelpText(
    "after",
    "\nThe new key lies where the old one did. Back it up: backups made from now on need it, earlier ones the old key.\n" +
      examples("rune admin rotate-kek"),
  );
  rotate.action(async (_, self) => {
    const { terminal, client } = openSession(cli, self);
    const { rewrapped } = await client.request<{ rewrapped: number }>("POST", "/v1/admin/rotate-kek", {
      timeoutMs: TIMEOUT_MS,
    });
    const keys = `${rewrapped} data ${rewrapped === 1 ? "key is" : "keys are"}`;
    terminal.out(`the key encryption key was replaced; ${keys} wrapped anew\n`);
    terminal.err("back up the new key, apart from the data directory\n");
  });
}
