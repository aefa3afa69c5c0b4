/**
 * The program `rune`. Both sides are loaded only when they are needed: a client never loads the daemon. The
 * only place that ends the process.
 * @module
 */
import { plainText } from "./base/plain_text.ts";

/** The last resort: what no part of the program turned into an answer of its own. */
function printUnexpected(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`error: ${plainText(message.split("\n")[0]!)}`);
  if (Deno.env.get("RUNE_DEBUG") === "1" && error instanceof Error) {
    console.error(plainText(error.stack ?? ""));
  } else console.error("hint: this is a fault in rune; RUNE_DEBUG=1 shows where");
}

let code = 1;
try {
  const { runCli } = await import("./cli/main.ts");
  let daemonFailed = false;
  code = await runCli(Deno.args, {
    async serve(options) {
      try {
        await (await import("./server/daemon/serve.ts")).serve(options);
      } catch (error) {
        daemonFailed = true;
        throw error;
      }
    },
    loadOffline: async () => (await import("./server/restore/offline.ts")).offline,
  });
  // The finer exit codes are for clients: to whoever supervises a daemon, it started or it did not.
  if (daemonFailed) code = 1;
} catch (error) {
  printUnexpected(error);
}
Deno.exit(code);
