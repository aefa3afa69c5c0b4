/** `rune volume orphans`: lists volumes at providers that no volume of Rune uses. @module */
import type { Command } from "@commander-js/extra-typings";
import { oneLine } from "../../base/plain_text.ts";
import { formatAge } from "../../model/format.ts";
import type { Orphan, Orphans } from "../../model/orphans.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession, type Session } from "../client/command.ts";
import { type Column, renderJson, renderYaml, Table } from "../terminal/output.ts";

const COLUMNS: Column<Orphan, number>[] = [
  { header: "CREATED FOR", cell: ({ namespace, name }) => `${namespace}/${name}` },
  { header: "SIZE", cell: ({ sizeGb }) => `${sizeGb} GB` },
  { header: "REGION", cell: ({ region }) => region },
  { header: "ATTACHED", cell: ({ attached }) => attached ? "yes" : "no" },
  {
    header: "AGE",
    cell: ({ createdAt }, now) => createdAt === undefined ? "-" : formatAge(now - Date.parse(createdAt)),
  },
  { header: "HANDLE", cell: ({ handle }) => handle },
  { header: "ACCOUNT OF", cell: ({ source }) => source },
  { header: "NAME AT PROVIDER", cell: ({ providerName }) => providerName, wide: true },
  { header: "DRIVER", cell: ({ driver }) => driver, wide: true },
];

const countVolumes = (count: number) => `${count} volume${count === 1 ? "" : "s"}`;

/** What the list means, one sentence a line. */
export function explainOrphans(
  { installation, items, totalGb, volumeAccountsGb, otherInstallations, asked, skipped }: Orphans,
) {
  const lines = skipped.map(({ source, message, hint }) =>
    `warning: ${source} was not asked: ${oneLine(hint === undefined ? message : `${message}; ${hint}`)}`
  );
  const inClasses = items.filter(({ accountOf }) => accountOf === "storageClass").length;
  const inVolumes = items.length - inClasses;
  if (inClasses > 0) {
    lines.push(
      `${countVolumes(inClasses)}, ${totalGb} GB: no volume of ${installation} uses ${
        inClasses === 1 ? "it" : "them"
      }. Nothing was changed.`,
    );
  }
  if (inVolumes > 0) {
    lines.push(
      `${countVolumes(inVolumes)}, ${volumeAccountsGb} GB, in accounts that only volumes name: ` +
        "whoever casts such a volume chooses what its account shows.",
    );
  }
  if (items.length > 0) {
    lines.push("To use one again, cast its volume again. To stop paying for it, delete it at the provider.");
    const attached = items.filter((item) => item.attached).length;
    if (attached > 0) {
      lines.push(`A machine has ${countVolumes(attached)} attached: look there before you delete.`);
    }
  } else if (asked.length > 0) {
    lines.push(`no orphans: a volume of ${installation} uses each one that it created`);
  } else if (skipped.length === 0) {
    lines.push("no storage class keeps its volumes at a provider");
  }
  for (const { installation: other, accountOf, volumes, sizeGb } of otherInstallations) {
    const where = accountOf === "volume" ? "in accounts that only volumes name" : "in the same accounts";
    lines.push(
      `${countVolumes(volumes)}, ${sizeGb} GB, ${where} belong to the installation ${other}; ask there`,
    );
  }
  return lines;
}

async function print({ terminal, output, paint }: Session, orphans: Orphans): Promise<void> {
  const { items } = orphans;
  if (output === "json") return terminal.out(renderJson(orphans));
  if (output === "yaml") return terminal.out(await renderYaml(orphans));
  if (output === "name") terminal.out(items.map(({ handle }) => `${handle}\n`).join(""));
  else if (items.length > 0) {
    const table = new Table(COLUMNS, { paint, wide: output === "wide", headers: true });
    terminal.out(await table.render(items, Date.now()));
  }
  terminal.err(explainOrphans(orphans).map((line) => `${line}\n`).join(""));
}

/** Defines the command. */
export function defineOrphans(group: Command, cli: Cli): void {
  const orphans = group.command("orphans")
    .description("list volumes at a provider that Rune created and no volume uses");
  addGlobalFlags(orphans, { output: true });
  orphans.addHelpText(
    "after",
    "\nThey are still paid for: volumes that were deleted with the policy retain, and what an interrupted deletion\n" +
      "left. The command asks the accounts that storage classes and volumes name, and changes nothing. Its list may\n" +
      "be ten seconds old.\n" +
      formatExamples(
        "rune volume orphans               what is left, and its size in GB",
        "rune volume orphans -o json       the same for programs",
      ),
  );
  orphans.action(async (_flags, command) => {
    const session = openSession(cli, command);
    await print(session, await session.client.request<Orphans>("GET", "/v1/volumes/orphans"));
  });
}
