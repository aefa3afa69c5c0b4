/**
 * `rune volume undelete`: restores a deleted volume with its data, or lists volumes that can be restored.
 * @module
 */
import type { Command } from "@commander-js/extra-typings";
import type { TrashItem } from "../../model/api.ts";
import { formatAge, formatTimeLeft } from "../../model/format.ts";
import type { Volume } from "../../model/volume.ts";
import { resourcePath } from "../client/api.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession, type Session } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { type Column, renderJson, renderYaml, Table } from "../terminal/output.ts";
import { listTrash } from "../client/trash.ts";
import { addWaitFlags } from "../waiting/wait_flags.ts";
import { workOnVolume } from "./volume_action.ts";

const COLUMNS: Column<TrashItem, number>[] = [
  { header: "NAME", cell: (item) => item.name },
  { header: "CLASS", cell: (item) => item.storageClassName ?? "-" },
  { header: "SIZE", cell: (item) => item.size ?? "-" },
  { header: "DELETED", cell: (item, now) => `${formatAge(now - Date.parse(item.deletedAt))} ago` },
  { header: "PURGED", cell: (item, now) => `in ${formatTimeLeft(Date.parse(item.purgeAt) - now)}` },
  { header: "ID", cell: (item) => item.id },
];

async function list(session: Session): Promise<void> {
  const { terminal, client, namespace, allNamespaces, output, paint } = session;
  const items = await listTrash(client, allNamespaces ? undefined : namespace);
  if (output === "json") return terminal.out(renderJson({ items }));
  if (output === "yaml") return terminal.out(await renderYaml({ items }));
  if (output === "name") return terminal.out(items.map(({ name }) => `volume/${name}\n`).join(""));
  if (items.length === 0) {
    return terminal.err(`no deleted volumes${allNamespaces ? "" : ` in namespace ${namespace}`}\n`);
  }
  const where: Column<TrashItem, number> = { header: "NAMESPACE", cell: (item) => item.namespace };
  const columns = allNamespaces ? [where, ...COLUMNS] : COLUMNS;
  terminal.out(await new Table(columns, { paint, wide: true, headers: true }).render(items, Date.now()));
}

/** Defines the command. */
export function defineUndelete(group: Command, cli: Cli): void {
  const undelete = group.command("undelete")
    .description("restore a deleted volume, or list those that can be restored")
    .argument("[name]", "without it: list")
    .option("--id <id>", "which of several with that name (default: the latest)");
  addWaitFlags(undelete);
  addGlobalFlags(undelete, { output: true, allNamespaces: true });
  undelete.addHelpText(
    "after",
    "\nDeleted volumes of the class local with the reclaim policy delete stay in a trash for\n" +
      "storage.trashRetention (24h). With the policy retain the data stays in place: cast the volume again.\n" +
      formatExamples(
        "rune volume undelete                list what can be restored",
        "rune volume undelete web-data       restore the volume and its data",
      ),
  );
  undelete.action(async (name, flags, command) => {
    const { id } = flags;
    if (name === undefined) {
      if (id !== undefined) throw new UsageError("--id needs a name", "name the volume too");
      return await list(openSession(cli, command));
    }
    const { output, allNamespaces } = openSession(cli, command);
    if (output !== undefined || allNamespaces) {
      throw new UsageError("-o and -A are only for the list", "omit them");
    }
    await workOnVolume({ cli, command, flags }, {
      what: "undelete",
      ask: ({ client, namespace }) =>
        client.request<Volume>(
          "POST",
          resourcePath({ kind: "volume", namespace, name }, "actions", "undelete"),
          {
            body: { id },
          },
        ),
      accepted: "is being restored",
      done: "is back",
    });
  });
}
