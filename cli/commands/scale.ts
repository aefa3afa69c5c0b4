/** `rune scale`: sets how many instances of a service run. @module */
import { addGlobalFlags, type Define, examples, openSession } from "../command.ts";
import { UsageError } from "../exit_codes.ts";
import { actOnService } from "../service_action.ts";
import { addWaitFlags, type WaitFlags } from "../wait_flags.ts";

/** A number of instances. @throws {UsageError} when it is none. */
function parseScale(text: string): number {
  const scale = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (scale <= 1000) return scale;
  throw new UsageError(`"${text}" is not a number of instances`, "write a whole number from 0 to 1000");
}

/** See the module. */
export const define: Define = (command, cli) => {
  const scale = command.argument("<service>").argument("<instances>", "0 to 1000");
  addWaitFlags(scale);
  addGlobalFlags(scale);
  scale.addHelpText(
    "after",
    "\nScaling down removes the highest ordinals first and keeps the volumes of claim templates.\n" +
      examples("rune scale api 5", "rune scale api 0   # stop without deleting"),
  );
  scale.action(async (service, instances, flags, self) => {
    const session = openSession(cli, self);
    const body = { scale: parseScale(instances) };
    const request = { action: "scale", service, body, flags: flags as unknown as WaitFlags } as const;
    const settled = await actOnService(session, request);
    session.terminal.out(
      `service ${session.namespace}/${service} scaled to ${body.scale}${
        settled ? ` (${settled.verdict.text})` : ""
      }\n`,
    );
  });
};
