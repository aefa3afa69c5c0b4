/** `rune events`: what happened, oldest first. @module */
import { KINDS } from "../../model/kinds.ts";
import { findResource } from "../client/api.ts";
import {
  addGlobalFlags,
  type Define,
  formatExamples,
  openSession,
  parseKind,
  type Session,
} from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { showResources } from "./get.ts";

/** The field selector for one object: `web`, or `volume/web-data`. */
export function selectorFor(target: string): string {
  const [first, second, ...rest] = target.split("/");
  if (!first || second === "" || rest.length > 0) {
    throw new UsageError(
      `"${target}" is not the name of a resource`,
      "write a name, or kind/name: volume/web-data",
    );
  }
  return second === undefined
    ? `spec.object.name=${first}`
    : `spec.object.kind=${parseKind(first).kind},spec.object.name=${second}`;
}

/** If the resource exists, leaves out events of an earlier resource with the same name. */
async function presentOnly(session: Session, target: string): Promise<string[]> {
  const [kind, name] = target.split("/");
  if (name === undefined || session.allNamespaces) return [];
  const info = parseKind(kind!);
  const namespace = info.namespaced ? session.namespace : "";
  const found = await findResource(session.client, { kind: info.kind, namespace, name });
  return found ? [`spec.object.uid=${found.uid}`] : [];
}

/** See the module. */
export const define: Define = (command, cli) => {
  const events = command
    .option("--for <resource>", "only events of this resource: web, volume/web-data")
    .option("--warnings", "only warnings")
    .option("-w, --watch", "keep printing new events")
    .option("--no-headers", "omit the header line");
  addGlobalFlags(events, { output: true, allNamespaces: true });
  events.addHelpText(
    "after",
    formatExamples("rune events", "rune events --for volume/web-data", "rune events -A --warnings --watch"),
  );
  events.action(async (options, self) => {
    const session = openSession(cli, self);
    const terms = [
      options.for === undefined ? [] : [selectorFor(options.for), ...await presentOnly(session, options.for)],
      options.warnings ? ["spec.type=Warning"] : [],
    ].flat();
    return showResources(session, {
      kind: KINDS.event,
      names: [],
      flags: {
        fieldSelector: terms.length === 0 ? undefined : terms.join(","),
        watch: options.watch,
        headers: (options as { headers: boolean }).headers,
      },
    });
  });
};
