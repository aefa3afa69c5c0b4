/**
 * `rune get`: lists resources of a kind, or shows some by name. Also implements `volume list` and the like.
 * @module
 */
import type { Command, CommandUnknownOpts } from "@commander-js/extra-typings";
import { RuneError } from "../../model/error.ts";
import { type KindInfo, KINDS } from "../../model/kinds.ts";
import type { AnyResource } from "../../model/resource.ts";
import { parseFieldSelector, parseLabelSelector } from "../../model/selector.ts";
import { findResource, instanceUsage, listResources, type Scope, watchResources } from "../client/api.ts";
import { type CellContext, columnsOf } from "../describe/columns.ts";
import {
  addGlobalFlags,
  type Cli,
  type Define,
  formatExamples,
  openSession,
  parseKind,
  type Session,
} from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { withInterrupt } from "../terminal/interrupt.ts";
import { measureVolumes } from "../client/disk_usage.ts";
import { renderBlock, renderJson, renderYaml, Table } from "../terminal/output.ts";

/** The flags of `get` and of every `list`. */
export interface GetFlags {
  selector?: string;
  fieldSelector?: string;
  watch?: true;
  headers: boolean;
}

/** Adds the flags of {@linkcode GetFlags} and the shared flags. */
function addGetFlags(command: CommandUnknownOpts): void {
  command
    .option("-l, --selector <labels>", "filter by labels: app=web,tier!=cache")
    .option("--field-selector <fields>", "filter by fields: status=Bound,spec.service=web")
    .option("-w, --watch", "keep printing changes")
    .option("--no-headers", "omit the header line");
  addGlobalFlags(command, { output: true, allNamespaces: true });
}

/** Checks the selectors before any request, because a bad one is a usage error. */
function checkSelectors(flags: GetFlags): void {
  try {
    parseLabelSelector(flags.selector ?? "");
    parseFieldSelector(flags.fieldSelector ?? "");
  } catch (error) {
    if (error instanceof RuneError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

/**
 * The kinds of `get all`: what users cast and what runs of it. Events are many and have their own command.
 */
const ALL = (["service", "instance", "volume", "snapshot", "configmap", "secret"] as const).map((k) =>
  KINDS[k]
);

/** The kinds that the first word names: one, several separated by commas, or `all`. */
function parseKinds(word: string): KindInfo[] {
  const kinds = word.split(",").flatMap((one) => one === "all" ? ALL : [parseKind(one)]);
  return [...new Set(kinds)];
}

/**
 * Parses `service/web volume/data`, with a kind before each name. Returns undefined if the first word is only
 * a kind.
 */
function parseKeys(words: string[]): { kind: KindInfo; name: string }[] | undefined {
  if (!words[0]!.includes("/")) return undefined;
  return words.map((word) => {
    const [kind, name, ...rest] = word.split("/");
    if (name === undefined || name === "" || rest.length > 0) {
      throw new UsageError(
        `"${word}" is not <kind>/<name>`,
        "write the kind before each name: service/web volume/data",
      );
    }
    return { kind: parseKind(kind!), name };
  });
}

const compareByKey = (a: AnyResource, b: AnyResource) =>
  a.namespace < b.namespace ? -1 : a.namespace > b.namespace ? 1 : a.name < b.name ? -1 : 1;

/** Sorts events by time, and everything else by namespace and name. */
function sortForDisplay(resources: AnyResource[]): AnyResource[] {
  return [...resources].sort((a, b) =>
    a.kind === "event" && b.kind === "event" ? a.resourceVersion - b.resourceVersion : compareByKey(a, b)
  );
}

interface View {
  session: Session;
  kind: KindInfo;
  scope: Scope;
  flags: GetFlags;
}

const contextOf = (session: Session): CellContext => ({
  now: Date.now(),
  host: new URL(session.client.server).hostname,
});

/** The context of cells that may show the usage of volumes or instances. */
async function measuredContext(
  { session, kind, scope }: View,
  resources: AnyResource[],
): Promise<CellContext> {
  const { client } = session;
  const context = contextOf(session);
  if (kind.kind === "volume") return { ...context, volumeUsage: await measureVolumes(client, resources) };
  if (kind.kind !== "instance") return context;
  return { ...context, instanceUsage: await instanceUsage(client, scope.namespace) };
}

function tableOf({ session, kind, flags }: View): Table<AnyResource, CellContext> {
  const withNamespace = session.allNamespaces && kind.namespaced;
  return new Table(columnsOf(kind.kind, { withNamespace }), {
    paint: session.paint,
    wide: session.output === "wide",
    headers: flags.headers,
  });
}

async function print(view: View, resources: AnyResource[], options: { single: boolean }): Promise<void> {
  const { session, kind, flags } = view;
  const { terminal, output, paint } = session;
  const [only] = resources;
  const whole = options.single && only ? only : { items: resources };
  if (output === "json") terminal.out(renderJson(whole));
  else if (output === "yaml") terminal.out(await renderYaml(whole));
  else if (output === "name") terminal.out(resources.map((r) => `${kind.kind}/${r.name}\n`).join(""));
  else if (options.single && only && output === undefined && flags.headers) {
    const context = await measuredContext(view, [only]);
    terminal.out(renderBlock(columnsOf(kind.kind), only, { context, paint }));
  } else if (resources.length === 0) {
    const where = !kind.namespaced || session.allNamespaces ? "" : ` in namespace ${session.namespace}`;
    terminal.err(`no ${kind.plural} found${where}\n`);
  } else {
    const context = output === "wide" ? await measuredContext(view, resources) : contextOf(session);
    terminal.out(await tableOf(view).render(resources, context));
  }
}

async function watch(view: View, names: string[]): Promise<void> {
  const { session, kind, scope } = view;
  const { terminal, output } = session;
  const table = tableOf(view);
  const isWanted = (r: AnyResource) => names.length === 0 || names.includes(r.name);
  const show = async (type: "put" | "delete", resources: AnyResource[]) => {
    if (output === "json") {
      terminal.out(resources.map((resource) => JSON.stringify({ type, resource }) + "\n").join(""));
    } else if (output === "yaml") {
      for (const resource of resources) terminal.out(`---\n${await renderYaml({ type, resource })}`);
    } else if (output === "name") {
      terminal.out(resources.map((r) => `${kind.kind}/${r.name}\n`).join(""));
    } else if (resources.length > 0) {
      const state = type === "delete" ? { state: "Deleted" } : {};
      terminal.out(await table.render(resources, contextOf(session), state));
    }
  };
  await withInterrupt(async (signal) => {
    let first: AnyResource[] | undefined = [];
    for await (const change of watchResources(session.client, { kind: kind.kind, scope, signal })) {
      if (change.type === "sync") {
        await show("put", sortForDisplay(first ?? []));
        first = undefined;
      } else if (!isWanted(change.resource)) continue;
      else if (first) first.push(change.resource);
      else await show(change.type, [change.resource]);
    }
  });
}

/** Finds resources by name. Returns those that exist even if others are missing. */
async function findByName(view: View, names: string[]): Promise<{ found: AnyResource[]; missing: string[] }> {
  const { session, kind } = view;
  const namespace = kind.namespaced ? session.namespace : "";
  const answers = await Promise.all(
    names.map((name) => findResource(session.client, { kind: kind.kind, namespace, name })),
  );
  return {
    found: answers.filter((r) => r !== undefined),
    missing: names.filter((_, i) => answers[i] === undefined),
  };
}

/** The error for a missing resource, with the command that lists existing ones. */
export function notFound(kind: KindInfo, key: { namespace: string; name: string }): RuneError {
  const where = kind.namespaced ? ` in namespace ${key.namespace}` : "";
  return new RuneError("not_found", `${kind.kind} ${key.name} does not exist${where}`, {
    hint: `list them with: rune get ${kind.plural}${kind.namespaced ? " -A" : ""}`,
  });
}

/**
 * Shows resources of one kind in the requested format.
 *
 * @throws {RuneError} `not_found` if a name is missing, after showing the others.
 */
export async function showResources(
  session: Session,
  request: { kind: KindInfo; names: string[]; flags: GetFlags },
): Promise<void> {
  const { kind, names, flags } = request;
  checkSelectors(flags);
  const selected = flags.selector !== undefined || flags.fieldSelector !== undefined;
  if (names.length > 0 && (selected || session.allNamespaces)) {
    throw new UsageError("names cannot be combined with selectors or -A", "omit one of them");
  }
  const scope: Scope = {
    namespace: session.allNamespaces || !kind.namespaced ? undefined : session.namespace,
    labelSelector: flags.selector,
    fieldSelector: flags.fieldSelector,
  };
  const view = { session, kind, scope, flags };
  if (flags.watch) return await watch(view, names);
  if (names.length === 0) {
    const all = await listResources(session.client, kind.kind, scope);
    return await print(view, sortForDisplay(all), { single: false });
  }
  const { found, missing } = await findByName(view, names);
  if (found.length > 0) await print(view, found, { single: names.length === 1 });
  if (missing[0] !== undefined) throw notFound(kind, { namespace: session.namespace, name: missing[0] });
}

/**
 * Lists several kinds: a table for each, names with their kind, or one list in JSON and YAML.
 *
 * @param request.lenient skips kinds that the caller may not list, and says so.
 */
async function showKinds(
  session: Session,
  { kinds, flags, lenient }: { kinds: KindInfo[]; flags: GetFlags; lenient: boolean },
): Promise<void> {
  checkSelectors(flags);
  if (flags.watch) throw new UsageError("--watch follows one kind", "run one rune get --watch for each");
  const { terminal, client, allNamespaces, output, paint } = session;
  const found = await Promise.all(kinds.map(async (kind) => {
    const scope: Scope = {
      namespace: allNamespaces || !kind.namespaced ? undefined : session.namespace,
      labelSelector: flags.selector,
      fieldSelector: flags.fieldSelector,
    };
    const view: View = { session, kind, scope, flags };
    try {
      return { view, resources: sortForDisplay(await listResources(client, kind.kind, scope)) };
    } catch (error) {
      if (!lenient || !(error instanceof RuneError) || error.code !== "permission_denied") throw error;
      return { view, resources: [], denied: error };
    }
  }));
  const [first] = found;
  if (first?.denied && found.every(({ denied }) => denied)) throw first.denied;
  const denied = found.filter((one) => one.denied).map(({ view }) => view.kind.plural);
  if (denied.length > 0) terminal.err(`skipped, because you may not list them: ${denied.join(", ")}\n`);
  const filled = found.filter(({ resources }) => resources.length > 0);
  if (output === "json") return terminal.out(renderJson({ items: found.flatMap((one) => one.resources) }));
  if (output === "yaml") {
    return terminal.out(await renderYaml({ items: found.flatMap((one) => one.resources) }));
  }
  if (filled.length === 0) {
    return terminal.err(`nothing found${allNamespaces ? "" : ` in namespace ${session.namespace}`}\n`);
  }
  for (const [i, { view, resources }] of filled.entries()) {
    if (output === "name") {
      await print(view, resources, { single: false });
      continue;
    }
    if (i > 0) terminal.out("\n");
    const columns = columnsOf(view.kind.kind, { withNamespace: allNamespaces && view.kind.namespaced });
    const named = columns.map((column) =>
      column.header === "NAME"
        ? { ...column, cell: (r: AnyResource) => `${view.kind.kind}/${r.name}` }
        : column
    );
    const table = new Table(named, { paint, wide: output === "wide", headers: flags.headers });
    const context = output === "wide" ? await measuredContext(view, resources) : contextOf(session);
    terminal.out(await table.render(resources, context));
  }
}

/** Runs `get` with its words. */
async function getByWords(session: Session, words: string[], flags: GetFlags): Promise<void> {
  const keys = parseKeys(words);
  if (keys) {
    const kinds = [...new Set(keys.map(({ kind }) => kind))];
    for (const [i, kind] of kinds.entries()) {
      if (i > 0 && session.output !== "name") session.terminal.out("\n");
      const names = keys.filter((key) => key.kind === kind).map(({ name }) => name);
      await showResources(session, { kind, names, flags });
    }
    return;
  }
  const [word, ...names] = words as [string, ...string[]];
  const kinds = parseKinds(word);
  if (kinds.length === 1) return await showResources(session, { kind: kinds[0]!, names, flags });
  if (names.length > 0) {
    throw new UsageError(
      "names need a single kind",
      `write the kind before each name: ${kinds[0]!.kind}/${names[0]}`,
    );
  }
  await showKinds(session, { kinds, flags, lenient: word === "all" });
}

/** Defines the `list` and `get` of one kind's command group. */
export function defineListAndGet(group: Command, cli: Cli, kind: KindInfo): void {
  const list = group.command("list").alias("ls").description(`list ${kind.plural}`);
  addGetFlags(list);
  list.addHelpText("after", formatExamples(`rune ${group.name()} list`));
  list.action((flags, command) =>
    showResources(openSession(cli, command), { kind, names: [], flags: flags as GetFlags })
  );
  const get = group.command("get").description(`show ${kind.plural} by name`).argument("<names...>");
  addGetFlags(get);
  get.addHelpText("after", formatExamples(`rune ${group.name()} get web`));
  get.action((names, flags, command) =>
    showResources(openSession(cli, command), { kind, names, flags: flags as GetFlags })
  );
}

/** See the module. */
export const define: Define = (command, cli) => {
  const kinds = Object.values(KINDS).filter((k) => k.public).map((k) => k.plural).join(", ");
  const get = command.argument("<kind>", `${kinds}; several with commas, or all`)
    .argument("[names...]", "show only these");
  addGetFlags(get);
  get.addHelpText(
    "after",
    "\nA single name is shown as KEY: value lines, or as a row with -o table.\n" +
      'With --watch and -o json every change is one line: {"type": "put" or "delete", "resource": …}.\n' +
      formatExamples(
        "rune get services",
        "rune get volume web-data -n prod",
        "rune get instances -A -l app=web -o wide",
        "rune get volumes --field-selector status=Bound -o name",
        "rune get services --watch",
        "rune get services,volumes",
        "rune get service/web volume/web-data",
        "rune get all -n prod",
      ),
  );
  get.action((kind, names, flags, command) =>
    getByWords(openSession(cli, command), [kind, ...names], flags as GetFlags)
  );
};
