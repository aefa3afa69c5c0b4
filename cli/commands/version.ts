/** `rune version`: the versions of the client and of the daemon. @module */
import { oneLine } from "../../base/plain_text.ts";
import type { z } from "zod";
import type { versionSchema } from "../../model/api.ts";
import { BUILD } from "../../model/build.ts";
import { RuneError } from "../../model/error.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { renderJson, renderYaml } from "../terminal/output.ts";

type Version = Partial<z.infer<typeof versionSchema>>;

function line(who: string, { version, commit, builtAt, deno }: Version): string {
  const details = [commit, builtAt && `built ${builtAt}`, deno && `Deno ${deno}`].filter(Boolean).join(", ");
  return `${who} ${version}${details && ` (${details})`}\n`;
}

/** See the module. */
export const define: Define = (command, cli) => {
  const versionCommand = command.option("--client", "only the version of this program");
  addGlobalFlags(versionCommand, { output: true });
  versionCommand.addHelpText(
    "after",
    "\nAn unreachable daemon is a note on standard error, not a failure.\n" +
      formatExamples("rune version", "rune version --client -o json"),
  );
  versionCommand.action(async (options, self) => {
    const { terminal, client, output } = openSession(cli, self);
    const own: Version = { ...BUILD, deno: Deno.version.deno };
    let server: Version | undefined;
    let failure: RuneError | undefined;
    if (!options.client) {
      try {
        server = await client.request<Version>("GET", "/v1/version", { timeoutMs: 5_000 });
      } catch (error) {
        if (!(error instanceof RuneError)) throw error;
        failure = error;
      }
    }
    const whole = { client: own, ...(server && { server }) };
    if (output === "json") terminal.out(renderJson(whole));
    else if (output === "yaml") terminal.out(await renderYaml(whole));
    else terminal.out(line("client", own) + (server ? line("server", server) : ""));
    if (failure) terminal.err(`server unknown: ${oneLine(failure.message)}\n`);
  });
};
