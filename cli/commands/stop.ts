/** `rune stop`: scales a service to 0 and keeps it. @module */
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { actOnService } from "./service_action.ts";
import { addWaitFlags, type WaitFlags } from "../waiting/wait_flags.ts";

/** See the module. */
export const define: Define = (command, cli) => {
  const stop = command.argument("<service>");
  addWaitFlags(stop);
  addGlobalFlags(stop);
  stop.addHelpText(
    "after",
    "\nThe service, its history and its volumes stay. Start it again with: rune scale <service> <instances>\n" +
      formatExamples("rune stop web"),
  );
  stop.action(async (service, flags, self) => {
    const session = openSession(cli, self);
    const request = { action: "stop", service, flags: flags as unknown as WaitFlags } as const;
    const settled = await actOnService(session, request);
    const title = `service ${session.namespace}/${service}`;
    session.terminal.out(settled ? `${title} stopped\n` : `${title} is stopping\n`);
  });
};
