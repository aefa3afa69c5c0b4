/** `rune deps`: shows dependencies between services, and whether they are met. @module */
import type { Command } from "@commander-js/extra-typings";
import { dependencyRef, dependsOn } from "../../model/dependencies.ts";
import { isDependencyMet } from "../../model/dependency_state.ts";
import { RuneError } from "../../model/error.ts";
import type { Instance } from "../../model/instance.ts";
import { describeKey } from "../../model/kinds.ts";
import type { Service } from "../../model/service.ts";
import { listResources } from "../client/api.ts";
import {
  addGlobalFlags,
  type Cli,
  type Define,
  formatExamples,
  openSession,
  type Session,
} from "../client/command.ts";
import { type Column, renderJson, renderYaml, Table } from "../terminal/output.ts";

/** One dependency of a service, with its current state. */
interface Edge {
  service: string;
  dependsOn: string;
  readyWhen: string;
  optional: boolean;
  met: boolean;
  /** The state of the service that it depends on. */
  state: string;
}

/** The dependencies of a service, with their current state. */
export function edgesOf(service: Service, all: { services: Service[]; instances: Instance[] }): Edge[] {
  return service.spec.dependencies.map((dependency) => {
    const ref = dependencyRef(dependency, service.namespace);
    const target = all.services.find((s) => s.namespace === ref.namespace && s.name === ref.name);
    const instances = all.instances.filter((i) => i.spec.serviceUid === target?.uid);
    return {
      service: describeKey(service),
      dependsOn: describeKey(ref),
      readyWhen: dependency.readyWhen,
      optional: dependency.optional,
      met: target !== undefined && isDependencyMet(dependency.readyWhen, { service: target, instances }),
      state: target?.status.state ?? "missing",
    };
  });
}

/** A service and, below it, its dependencies, as lines of a tree. */
export function treeOf(service: Service, all: { services: Service[]; instances: Instance[] }): string[] {
  return edgesOf(service, all).flatMap((edge, i, edges) => {
    const last = i === edges.length - 1;
    const next = all.services.find((s) => describeKey(s) === edge.dependsOn);
    const label = `${edge.dependsOn} (${edge.readyWhen}${edge.optional ? ", optional" : ""}) ${edge.state}`;
    const below = next ? treeOf(next, all).map((line) => `${last ? "   " : "│  "}${line}`) : [];
    return [`${last ? "└─ " : "├─ "}${label}`, ...below];
  });
}

async function load({ client }: Session): Promise<{ services: Service[]; instances: Instance[] }> {
  const [services, instances] = await Promise.all([
    listResources(client, "service", {}),
    listResources(client, "instance", {}),
  ]);
  return { services, instances };
}

function find(services: Service[], { namespace }: Session, name: string): Service {
  const found = services.find((s) => s.namespace === namespace && s.name === name);
  if (found) return found;
  throw new RuneError("not_found", `there is no service ${namespace}/${name}`, {
    hint: "list the services with: rune get services -A",
  });
}

async function print<R>(session: Session, rows: R[], columns: Column<R, unknown>[]): Promise<void> {
  const { terminal, output, paint } = session;
  if (output === "json") return terminal.out(renderJson(rows));
  if (output === "yaml") return terminal.out(await renderYaml(rows));
  terminal.out(await new Table(columns, { paint, wide: false, headers: true }).render(rows, {}));
}

/** The tree of one service, or of each that depends on another. */
async function showGraph(session: Session, name: string | undefined): Promise<void> {
  const all = await load(session);
  const shown = name === undefined
    ? all.services.filter((s) =>
      s.spec.dependencies.length > 0 && (session.allNamespaces || s.namespace === session.namespace)
    )
    : [find(all.services, session, name)];
  if (shown.length === 0) return session.terminal.err("no service here depends on another\n");
  for (const service of shown) {
    session.terminal.out(`${describeKey(service)} ${service.status.state}\n`);
    for (const line of treeOf(service, all)) session.terminal.out(`${line}\n`);
  }
}

/** `rune deps` and `rune deps graph` are the same. */
function defineGraph(group: Command, cli: Cli): void {
  const graph = group.command("graph").description("show what services depend on, as a tree");
  for (const command of [group, graph]) {
    const named = command.argument("[service]", "only this service");
    addGlobalFlags(named, { allNamespaces: true });
    named.action((name, _, self) => showGraph(openSession(cli, self), name));
  }
  graph.addHelpText("after", formatExamples("rune deps graph", "rune deps graph api -n prod"));
  group.addHelpText("after", formatExamples("rune deps", "rune deps api", "rune deps check api"));
}

const EDGES: Column<Edge, unknown>[] = [
  { header: "DEPENDS ON", cell: (e) => e.dependsOn },
  { header: "READY WHEN", cell: (e) => e.readyWhen },
  { header: "OPTIONAL", cell: (e) => e.optional ? "yes" : "no" },
  { header: "STATUS", cell: (e) => e.state, state: true },
  { header: "MET", cell: (e) => e.met ? "yes" : "no" },
];

function defineCheck(group: Command, cli: Cli): void {
  const check = group.command("check").description("check whether a service's dependencies are met")
    .argument("<service>");
  addGlobalFlags(check, { output: true });
  check.addHelpText(
    "after",
    "\nExits with 1 if a required dependency is not met.\n" + formatExamples("rune deps check api"),
  );
  check.action(async (name, _, self) => {
    const session = openSession(cli, self);
    const all = await load(session);
    const edges = edgesOf(find(all.services, session, name), all);
    if (edges.some((e) => !e.met && !e.optional)) cli.exitCode = 1;
    if (edges.length === 0 && session.output === undefined) {
      return session.terminal.err(`service ${session.namespace}/${name} depends on nothing\n`);
    }
    await print(session, edges, EDGES);
  });
}

function defineDependents(group: Command, cli: Cli): void {
  const dependents = group.command("dependents").description("list the services that depend on a service")
    .argument("<service>");
  addGlobalFlags(dependents, { output: true });
  dependents.addHelpText("after", formatExamples("rune deps dependents postgres"));
  dependents.action(async (name, _, self) => {
    const session = openSession(cli, self);
    const all = await load(session);
    const target = find(all.services, session, name);
    const rows = all.services.filter((s) => dependsOn(s, target)).flatMap((s) =>
      edgesOf(s, all).filter((e) => e.dependsOn === describeKey(target))
    );
    if (rows.length === 0 && session.output === undefined) {
      return session.terminal.err(`nothing depends on ${describeKey(target)}\n`);
    }
    await print(session, rows, [
      { header: "SERVICE", cell: (e: Edge) => e.service },
      { header: "READY WHEN", cell: (e) => e.readyWhen },
      { header: "OPTIONAL", cell: (e) => e.optional ? "yes" : "no" },
    ]);
  });
}

/** See the module. */
export const define: Define = (group, cli) => {
  defineGraph(group, cli);
  defineCheck(group, cli);
  defineDependents(group, cli);
};
