import assert from "node:assert/strict";
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { addWaitFlags } from "./wait_flags.ts";

Deno.test("addWaitFlags() waits by default", async () => {
  for (const [words, wait] of [[[], true], [["--wait"], true], [["--no-wait"], false]] as const) {
    const command = new Command();
    addWaitFlags(command as unknown as CommandUnknownOpts);
    await command.action(() => {}).parseAsync(words, { from: "user" });
    assert.equal((command.opts() as { wait?: boolean }).wait, wait);
  }
});
