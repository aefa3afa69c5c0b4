/** `rune describe`: everything about one resource, for people. @module */
import { addGlobalFlags, type Define, examples, openSession, parseKind } from "../command.ts";
import { findResource } from "../api.ts";
import { describeResource } from "../describe/describe.ts";
import { notFound } from "./get.ts";

/** See the module. */
export const define: Define = (command, cli) => {
  const describe = command.argument("<kind>", "service, volume, instance, storageclass, …").argument(
    "<name>",
  );
  addGlobalFlags(describe);
  describe.addHelpText(
    "after",
    "\nFor programs: rune get <kind> <name> -o json\n" +
      examples("rune describe service web", "rune describe volume pgdata-postgres-0 -n prod"),
  );
  describe.action(async (word, name, _, self) => {
    const session = openSession(cli, self);
    const kind = parseKind(word);
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
