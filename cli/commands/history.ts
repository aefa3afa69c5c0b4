/** `rune history`: the accepted specs of a service, newest first, and what each changed. @module */
import { fieldChanges } from "../../model/changes.ts";
import { RuneError } from "../../model/error.ts";
import { formatAge } from "../../model/format.ts";
import { resourcePath } from "../client/api.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { type Column, renderJson, renderYaml, Table } from "../terminal/output.ts";

/** One accepted spec. */
interface Past {
  generation: number;
  at: string;
  spec: unknown;
  by?: string;
  ready?: boolean;
  live?: boolean;
}

const SHOWN = 3;

/** What a generation changed, in a few words. */
export function summarize(past: Past, before: Past | undefined): string {
  if (!before) return past.generation === 1 ? "created" : "-";
  const paths = fieldChanges(before.spec, past.spec).map((change) => change.path);
  if (paths.length === 0) return "forced, nothing changed";
  const rest = paths.length > SHOWN ? `, ${paths.length - SHOWN} more` : "";
  return paths.slice(0, SHOWN).join(", ") + rest;
}

/** `live`, or whether it was ever ready. */
export function statusWord({ live, ready }: Pick<Past, "live" | "ready">): string {
  if (live) return ready ? "live" : "live, not ready yet";
  return ready ? "was ready" : "never ready";
}

/** See the module. */
export const define: Define = (command, cli) => {
  const history = command.argument("<service>").option("--no-headers", "omit the header line");
  addGlobalFlags(history, { output: true });
  history.addHelpText(
    "after",
    "\nRune keeps the last 10 versions; a change of scale alone makes none. -o yaml shows each in full.\n" +
      formatExamples("rune history web", "rune history web -o yaml"),
  );
  history.action(async (service, options, self) => {
    const { terminal, client, namespace, output, paint } = openSession(cli, self);
    const path = resourcePath({ kind: "service", namespace, name: service }, "history");
    const answer = await client.request<{ items: Past[] }>("GET", path);
    if (!Array.isArray(answer?.items)) {
      throw new RuneError("internal", `${client.server} did not answer with a history`);
    }
    const { items } = answer;
    if (output === "json") return terminal.out(renderJson(answer));
    if (output === "yaml") return terminal.out(await renderYaml(answer));
    const columns: Column<Past, { now: number }>[] = [
      { header: "GENERATION", cell: (past) => String(past.generation) },
      { header: "AGE", cell: (past, { now }) => formatAge(now - Date.parse(past.at)) },
      { header: "BY", cell: (past) => past.by ?? "-" },
      { header: "STATUS", cell: statusWord },
      { header: "CHANGES", cell: (past) => summarize(past, items[items.indexOf(past) + 1]) },
    ];
    const { headers } = options as { headers: boolean };
    const table = new Table(columns, { paint, wide: output === "wide", headers });
    terminal.out(await table.render(items, { now: Date.now() }));
    const earlier = items.find((past) => past.ready && !past.live);
    if (earlier && headers) {
      terminal.err(
        `to return to one: rune rollback ${service} -n ${namespace} --to-generation ${earlier.generation}\n`,
      );
    }
  });
};
