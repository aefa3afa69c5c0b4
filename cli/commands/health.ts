/**
 * `rune health`: whether the instances of a service are ready, and the last results of their checks.
 * @module
 */
import type { HealthReport, ProbeReport } from "../../model/api.ts";
import { formatAge } from "../../model/format.ts";
import { resourcePath } from "../client/api.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { type Column, renderJson, renderYaml, Table } from "../terminal/output.ts";
import { findTarget } from "./target.ts";

type Row = HealthReport["instances"][number];

const INSTANCES: Column<Row, unknown>[] = [
  { header: "INSTANCE", cell: (row) => row.name },
  { header: "STATE", cell: (row) => row.state, state: true },
  { header: "READY", cell: (row) => row.ready ? "yes" : "no" },
  { header: "MESSAGE", cell: (row) => row.message ?? "-" },
];

/** `passing`, or how close it is to failing. */
function resultOf({ passing, failures, failureThreshold, lastAt }: ProbeReport): string {
  if (lastAt === undefined) return passing ? "passed" : "not checked yet";
  if (failures === 0) return passing ? "passing" : "passing soon";
  return passing === false ? `failing (${failures} in a row)` : `failed ${failures} of ${failureThreshold}`;
}

const CHECKS: Column<ProbeReport, { now: number }>[] = [
  { header: "INSTANCE", cell: (row) => row.instance },
  { header: "CHECK", cell: (row) => row.check },
  { header: "ASKS", cell: (row) => row.target },
  { header: "RESULT", cell: resultOf },
  {
    header: "LAST",
    cell: ({ lastAt }, { now }) => lastAt === undefined ? "-" : `${formatAge(now - Date.parse(lastAt))} ago`,
  },
  {
    header: "NEXT",
    cell: ({ nextAt }, { now }) =>
      nextAt === undefined ? "-" : `in ${formatAge(Math.max(0, Date.parse(nextAt) - now))}`,
  },
  { header: "ANSWER", cell: (row) => row.message ?? "-" },
];

/** See the module. */
export const define: Define = (command, cli) => {
  const health = command
    .argument("<target>", "a service, an instance, service/<name> or instance/<name>")
    .option("--checks", "show each check: its last result, consecutive failures, next run");
  addGlobalFlags(health, { output: true });
  health.addHelpText(
    "after",
    "\nExits with 1 if an instance is neither ready nor Completed.\n" +
      formatExamples("rune health web", "rune health web --checks"),
  );
  health.action(async (word, { checks }, self) => {
    const session = openSession(cli, self);
    const { terminal, client, output, paint } = session;
    const target = await findTarget(session, word);
    const report = await client.request<HealthReport>("GET", resourcePath(target, "health"));
    const { instances } = report;
    if (instances.length === 0 || instances.some((i) => !i.ready && i.state !== "Completed")) {
      cli.exitCode = 1;
    }
    if (output === "json") return terminal.out(renderJson(report));
    if (output === "yaml") return terminal.out(await renderYaml(report));
    const options = { paint, wide: output === "wide", headers: true };
    if (instances.length === 0) {
      return terminal.err(`${target.kind} ${target.name} has no instances: it is stopped\n`);
    }
    if (!checks) return terminal.out(await new Table(INSTANCES, options).render(instances, {}));
    if (report.checks.length === 0) {
      return terminal.err(`${target.kind} ${target.name} has no checks: it is ready when it runs\n`);
    }
    terminal.out(await new Table(CHECKS, options).render(report.checks, { now: Date.now() }));
  });
};
