/** `rune restart`: replaces every instance of a service. @module */
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { actOnService } from "./service_action.ts";
import { addWaitFlags, type WaitFlags } from "../waiting/wait_flags.ts";

/** See the module. */
export const define: Define = (command, cli) => {
  const restart = command.argument("<service>");
  addWaitFlags(restart);
  addGlobalFlags(restart);
  restart.addHelpText(
    "after",
    "\nReplaces the instances as an update would, and retries stalled ones. Data in volumes survives.\n" +
      formatExamples("rune restart web", "rune restart web -n prod --no-wait"),
  );
  restart.action(async (service, flags, self) => {
    const session = openSession(cli, self);
    const request = { action: "restart", service, flags: flags as unknown as WaitFlags } as const;
    const settled = await actOnService(session, request);
    const title = `service ${session.namespace}/${service}`;
    session.terminal.out(
      settled ? `${title} restarted (${settled.verdict.text})\n` : `${title} is restarting\n`,
    );
  });
};
