/** `rune whoami`: who the caller is to the daemon. @module */
import type { Whoami } from "../../model/identity.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { whoamiText } from "../describe/identity_text.ts";
import { renderJson, renderYaml } from "../terminal/output.ts";

/** See the module. */
export const define: Define = (command, cli) => {
  addGlobalFlags(command, { output: true });
  command.addHelpText("after", formatExamples("rune whoami", "rune whoami --context prod -o json"));
  command.action(async (_, self) => {
    const { terminal, client, context, output, paintErr } = openSession(cli, self);
    const me = await client.request<Whoami>("GET", "/v1/auth/whoami");
    if (output === "json") terminal.out(renderJson(me));
    else if (output === "yaml") terminal.out(await renderYaml(me));
    else if (output === "name") terminal.out(`user/${me.user}\n`);
    else terminal.out(whoamiText(me, { server: client.server, context: context.name, now: Date.now() }));
    for (const warning of me.warnings) terminal.err(`${paintErr("yellow", "warning:")} ${warning}\n`);
  });
};
