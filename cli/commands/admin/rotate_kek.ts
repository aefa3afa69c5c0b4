/** `rune admin rotate-kek`: a new key for all secrets. @module */
import type { Command } from "@commander-js/extra-typings";
import { addGlobalFlags, type Cli, formatExamples, openSession } from "../../client/command.ts";

/** How long rewrapping the keys and rewriting the database may take, in milliseconds. */
const TIMEOUT_MS = 10 * 60_000;

/** Defines the command. */
export function defineRotateKek(group: Command, cli: Cli): void {
  const rotate = group.command("rotate-kek").description(
    "replace the key encryption key without downtime",
  );
  addGlobalFlags(rotate);
  rotate.addHelpText(
    "after",
    "\nThe new key takes the place of the old one. Back it up: new backups need the new key, earlier ones the old key.\n" +
      formatExamples("rune admin rotate-kek"),
  );
  rotate.action(async (_, self) => {
    const { terminal, client } = openSession(cli, self);
    const { rewrapped } = await client.request<{ rewrapped: number }>("POST", "/v1/admin/rotate-kek", {
      timeoutMs: TIMEOUT_MS,
    });
    const keys = `${rewrapped} data ${rewrapped === 1 ? "key is" : "keys are"}`;
    terminal.out(`the key encryption key was replaced; ${keys} rewrapped\n`);
    terminal.err("back up the new key, separately from the data directory\n");
  });
}
