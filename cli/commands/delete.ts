/** `rune delete`: asks, says what happens to data, deletes, and waits until the resource is gone. @module */
import type { TrashItem } from "../../model/api.ts";
import type { Command, CommandUnknownOpts } from "@commander-js/extra-typings";
import { RuneError } from "../../model/error.ts";
import { findKind, type KindInfo, KINDS } from "../../model/kinds.ts";
import type { AnyResource } from "../../model/resource.ts";
import { findResource, resourcePath } from "../client/api.ts";
import { ask } from "../terminal/ask.ts";
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
import { titleOf } from "../describe/field_changes.ts";
import { describePlace } from "../../model/volume_place.ts";
import { listTrash } from "../client/trash.ts";
import { waitGone } from "../waiting/gone.ts";
import { addWaitFlags, durationFlag } from "../waiting/wait_flags.ts";
import { notFound } from "./get.ts";

/** The flags of every delete command. */
interface DeleteFlags {
  cascade?: true;
  now?: boolean;
  yes?: true;
  wait: boolean;
  timeout: string;
}

function addDeleteFlags(command: CommandUnknownOpts): void {
  command
    .option(
      "--cascade",
      "services: also delete the volumes of claim templates; storage classes: also if in use",
    )
    .option("-y, --yes", "do not ask");
  addWaitFlags(command);
  addGlobalFlags(command);
}

/** What happens to the data, in one sentence; undefined if there is none. */
export function fateOfData(
  resource: AnyResource,
  { cascade = false, now = false }: { cascade?: boolean; now?: boolean } = {},
): string | undefined {
  if (resource.kind === "volume") {
    const place = describePlace(resource.status);
    const where = place === undefined ? "" : ` ${place.startsWith("/") ? "at" : "in"} ${place}`;
    return resource.spec.reclaimPolicy === "delete"
      ? `its data${where} is deleted (reclaim policy delete${now ? ", without going to the trash" : ""})`
      : `its data${where} is kept (reclaim policy retain)`;
  }
  if (resource.kind === "snapshot") {
    return "its copy of the data is deleted; volumes restored from it keep theirs";
  }
  if (resource.kind === "storageClass") return "volumes and their data stay";
  if (resource.kind !== "service") return undefined;
  const { volumes } = resource.spec;
  const hasTemplates = volumes.some((mount) => mount.claimTemplate);
  if (hasTemplates && cascade) {
    return "the volumes of its claim templates are deleted too, their data by each one's reclaim policy";
  }
  if (volumes.length === 0) return undefined;
  const kept = "its volumes and their data are kept";
  return cascade ? `${kept}: --cascade is for those of claim templates, and it has none` : kept;
}

interface Request {
  kind: KindInfo;
  names: string[];
  flags: DeleteFlags;
}

async function findAll(session: Session, { kind, names }: Request): Promise<AnyResource[]> {
  const namespace = kind.namespaced ? session.namespace : "";
  return await Promise.all(names.map(async (name) => {
    const found = await findResource<typeof kind.kind>(session.client, { kind: kind.kind, namespace, name });
    if (!found) throw notFound(kind, { namespace, name });
    return found;
  }));
}

/** Asks on a terminal; elsewhere the answer is yes. */
async function confirmDeletion(
  session: Session,
  resources: AnyResource[],
  flags: DeleteFlags,
): Promise<boolean> {
  const { terminal } = session;
  for (const resource of resources) {
    const fate = fateOfData(resource, flags);
    terminal.err(`delete ${titleOf(resource)}${fate === undefined ? "" : `: ${fate}`}\n`);
  }
  return await ask(terminal, "Go on?");
}

/** A deleted volume in the trash; undefined if it is not there. */
async function findTrashed({ client }: Session, resource: AnyResource): Promise<TrashItem | undefined> {
  if (resource.kind !== "volume" || resource.spec.reclaimPolicy !== "delete") return undefined;
  const items = await listTrash(client, resource.namespace);
  return items.find((item) => item.uid === resource.uid);
}

async function deleteResources(session: Session, request: Request): Promise<void> {
  const { terminal, client } = session;
  const { flags } = request;
  const query = { cascade: flags.cascade, now: flags.now || undefined };
  const timeoutMs = durationFlag(flags.timeout);
  const resources = await findAll(session, request);
  const interactive = terminal.stdinIsTerminal && terminal.stderrIsTerminal && !flags.yes;
  if (interactive && !await confirmDeletion(session, resources, flags)) {
    throw new RuneError("internal", "nothing was deleted", { hint: "answer y, or give --yes" });
  }
  for (const resource of resources) {
    await client.request("DELETE", resourcePath(resource), { query });
  }
  for (const resource of resources) {
    const user = resource.kind === "volume" ? resource.status.boundClaim : undefined;
    if (user !== undefined) {
      // The daemon accepted it although it is mounted, so there is nothing to wait for yet.
      terminal.out(`${titleOf(resource)} will be deleted when ${user} releases it; its data is kept\n`);
      continue;
    }
    if (flags.wait) await waitGone(session, resource, timeoutMs);
    const trashed = flags.wait ? await findTrashed(session, resource) : undefined;
    const fate = trashed ? "its data is in the trash" : fateOfData(resource, flags);
    const verb = flags.wait ? "deleted" : "is being deleted";
    terminal.out(`${titleOf(resource)} ${verb}${fate === undefined ? "" : `; ${fate}`}\n`);
    if (!trashed) continue;
    const { namespace, name } = resource;
    terminal.err(
      `to restore it before ${trashed.purgeAt}: rune volume undelete ${name} -n ${namespace}\n`,
    );
  }
}

/**
 * Parses the words of a delete command. A single word is a service's name; otherwise the first word is a
 * kind.
 *
 * @throws {UsageError} for an unknown kind, and for one that only Rune creates and deletes.
 */
export function parseDeleteWords(words: string[]): { kind: KindInfo; names: string[] } {
  const [first, ...rest] = words;
  if (rest.length === 0) return { kind: KINDS.service, names: [first!] };
  const kind = parseKind(first!, `for several services: rune service delete ${words.join(" ")}`);
  if (!kind.castable) {
    throw new UsageError(
      `${kind.plural} cannot be deleted by hand`,
      kind.kind === "instance" ? "scale, restart or delete their service" : "Rune removes them itself",
    );
  }
  return { kind, names: rest };
}

/** Defines the `delete` of one kind's command group. */
export function defineDelete(group: Command, cli: Cli, kind: KindInfo): void {
  const command = group.command("delete").description(`delete ${kind.plural}`).argument("<names...>");
  if (kind.kind === "volume") {
    command.option("--now", "delete the data without going to the trash; it cannot be restored");
  }
  addDeleteFlags(command);
  const cascade = kind.kind === "service" ? [`rune ${group.name()} delete postgres -n prod --cascade`] : [];
  command.addHelpText("after", formatExamples(`rune ${group.name()} delete web`, ...cascade));
  command.action((names, flags, self) =>
    deleteResources(openSession(cli, self), { kind, names, flags: flags as unknown as DeleteFlags })
  );
}

/** See the module. */
export const define: Define = (command, cli) => {
  const remove = command.argument("<kind-or-service>", "a kind; alone, the name of a service")
    .argument("[names...]", "what to delete");
  addDeleteFlags(remove);
  remove.addHelpText(
    "after",
    "\nData outlives its users: deleting a service keeps its volumes unless you pass --cascade, and deleting a volume\n" +
      "keeps its data unless its reclaim policy is delete. On a terminal the command says what happens and asks first.\n" +
      formatExamples(
        "rune delete web",
        "rune delete volume web-data -n prod",
        "rune delete service postgres --cascade --yes",
      ),
  );
  remove.action(async (first, names, flags, self) => {
    const request = parseDeleteWords([first, ...names]);
    const session = openSession(cli, self);
    try {
      await deleteResources(session, { ...request, flags: flags as unknown as DeleteFlags });
    } catch (error) {
      const kind = names.length === 0 ? findKind(first) : undefined;
      if (!(error instanceof RuneError) || error.code !== "not_found" || !kind) throw error;
      throw new UsageError(
        `service ${first} does not exist in namespace ${session.namespace}`,
        `to delete a ${kind.kind}, name it: rune delete ${first} <name>`,
      );
    }
  });
};
