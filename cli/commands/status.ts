/** `rune status`: the node at a glance. @module */
import { oneLine } from "../../base/plain_text.ts";
import type { Status } from "../../model/api.ts";
import { formatAge } from "../../model/format.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { type Column, renderJson, renderYaml, Table } from "../terminal/output.ts";
import type { Paint } from "../terminal/paint.ts";

const describeCounts = (states: Record<string, number>) =>
  Object.entries(states).filter(([, n]) => n > 0).map(([state, n]) => `${n} ${state}`).join(", ") || "none";

const COLUMNS: Column<Status["namespaces"][number], undefined>[] = [
  { header: "NAMESPACE", cell: (n) => n.name },
  { header: "SERVICES", cell: (n) => describeCounts(n.services) },
  { header: "READY", cell: (n) => `${n.instances.ready}/${n.instances.total}` },
  { header: "VOLUMES", cell: (n) => describeCounts(n.volumes) },
];

/** The latest warnings, each with its age; empty if there are none. */
function warningsText(status: Status, { now, paint }: { now: number; paint: Paint }): string {
  const recent = status.recentWarnings ?? [];
  if (recent.length === 0) return "";
  const text = recent.map(({ namespace, object, reason, message, count, lastAt }) =>
    `  ${formatAge(now - Date.parse(lastAt))} ago  ${namespace} ${object.kind}/${object.name} ` +
    `${paint("yellow", reason)}: ${oneLine(message)}${count > 1 ? ` (${count} times)` : ""}\n`
  );
  return `\nrecent warnings:\n${text.join("")}`;
}

/** The name of the installation, where it is another one. A daemon of an earlier version does not tell. */
const describeInstallation = ({ node, installation }: Status) =>
  installation === undefined || installation === node ? "" : ` (installation ${oneLine(installation)})`;

/** The status in words. */
export async function statusText(
  status: Status,
  options: { now: number; paint: Paint },
): Promise<string> {
  const { paint } = options;
  const lines = [
    `node ${status.node}${describeInstallation(status)}, rune ${status.version}, up ${
      formatAge(options.now - Date.parse(status.startedAt))
    }${status.devMode ? ", dev mode" : ""}`,
    `data in ${status.dataDir}`,
    ...status.runners.map(({ name, ok, message }) =>
      `${name} runner ${ok ? paint("green", "ok") : paint("red", "unavailable")}${
        message ? `: ${oneLine(message)}` : ""
      }`
    ),
    ...status.warnings.map((warning) => `${paint("yellow", "warning")} ${oneLine(warning)}`),
  ];
  const table = new Table(COLUMNS, { paint, wide: false, headers: true });
  const namespaces = status.namespaces.length === 0
    ? ""
    : `\n${await table.render(status.namespaces, undefined)}`;
  return lines.join("\n") + "\n" + namespaces + warningsText(status, options);
}

/** See the module. */
export const define: Define = (command, cli) => {
  addGlobalFlags(command, { output: true });
  command.addHelpText("after", formatExamples("rune status", "rune status -o json"));
  command.action(async (_, self) => {
    const { terminal, client, output, paint } = openSession(cli, self);
    const status = await client.request<Status>("GET", "/v1/status");
    if (output === "json") terminal.out(renderJson(status));
    else if (output === "yaml") terminal.out(await renderYaml(status));
    else terminal.out(await statusText(status, { now: Date.now(), paint }));
  });
};
