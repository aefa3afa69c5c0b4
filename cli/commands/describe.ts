/** `rune describe`: everything about one resource, for people. @module */
import { findKind, type KindInfo, KINDS } from "../../model/kinds.ts";
import { addGlobalFlags, type Define, formatExamples, openSession, parseKind } from "../client/command.ts";
import { findResource } from "../client/api.ts";
import { describeResource } from "../describe/describe.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { notFound } from "./get.ts";

/**
 * Parses the words of the command. As in `delete`, a single word is a service's name.
 *
 * @throws {UsageError} for an unknown kind, and for a kind without a name.
 */
function parseDescribeWords(first: string, second?: string): { kind: KindInfo; name: string } {
  if (second !== undefined) return { kind: parseKind(first), name: second };
  const kind = findKind(first);
  if (!kind?.public) return { kind: KINDS.service, name: first };
  throw new UsageError(`which of the ${kind.plural}?`, `name one: rune get ${kind.plural} lists them`);
}

/** See the module. */
export const define: Define = (command, cli) => {
  const describe = command.argument("<kind-or-service>", "a kind; alone, the name of a service").argument(
    "[name]",
  );
  addGlobalFlags(describe);
  describe.addHelpText(
    "after",
    "\nFor programs: rune get <kind> <name> -o json\n" +
      formatExamples("rune describe web", "rune describe volume pgdata-postgres-0 -n prod"),
  );
  describe.action(async (first, second, _, self) => {
    const session = openSession(cli, self);
    const { kind, name } = parseDescribeWords(first, second);
    const namespace = kind.namespaced ? session.namespace : "";
    const resource = await findResource<typeof kind.kind>(session.client, {
      kind: kind.kind,
      namespace,
      name,
    });
    if (!resource) throw notFound(kind, { namespace, name });
    const host = new URL(session.client.server).hostname;
    const context = { now: Date.now(), host, paint: session.paint };
    session.terminal.out(await describeResource(session.client, resource, context));
  });
};
