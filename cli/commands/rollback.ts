/** `rune rollback`: returns a service to an earlier spec. @module */
import type { Service } from "../../model/service.ts";
import { resourcePath } from "../client/api.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { addWaitFlags, durationFlag, type WaitFlags, waitFor } from "../waiting/wait_flags.ts";

function parseGeneration(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is not a generation`, "use a number from rune history");
}

/** See the module. */
export const define: Define = (command, cli) => {
  const rollback = command.argument("<service>")
    .option(
      "--to-generation <number>",
      "the generation to return to (default: the last one that was ready and differs)",
    );
  addWaitFlags(rollback);
  addGlobalFlags(rollback);
  rollback.addHelpText(
    "after",
    "\nThe earlier spec becomes a new generation; the scale does not change. rune history lists the generations.\n" +
      formatExamples("rune rollback web", "rune rollback web --to-generation 3"),
  );
  rollback.action(async (name, options, self) => {
    const session = openSession(cli, self);
    const flags = options as unknown as WaitFlags;
    const key = { kind: "service", namespace: session.namespace, name } as const;
    const timeoutMs = durationFlag(flags.timeout);
    const wanted = options.toGeneration;
    const body = wanted === undefined ? {} : { toGeneration: parseGeneration(wanted) };
    const { generation } = await session.client.request<Service>(
      "POST",
      resourcePath(key, "actions", "rollback"),
      { body },
    );
    const title = `service ${session.namespace}/${name} is rolled back, as generation ${generation}`;
    if (!flags.wait) return session.terminal.out(`${title}\n`);
    const [settled] = await waitFor(session, [{ ...key, generation }], { what: "rollback", timeoutMs });
    session.terminal.out(`${title} (${settled!.verdict.text})\n`);
  });
};
