/**
 * Renders the page of docs/reference/ about drivers, from their entries in `drivers/registry.ts`. Pure.
 * @module
 */
import type { DriverCapabilities } from "../drivers/driver.ts";
import type { SettingDoc } from "../drivers/entry.ts";
import type { DriverDocs } from "../drivers/registry.ts";
import { writeTable, WRITTEN } from "./reference_pages.ts";

const OPENING =
  `A driver makes the volumes of a storage class, which names it under \`driver:\`. The guide: [storage](../storage.md#drivers).

Parameters stand under \`parameters:\` of a [storage class](storage-class.md) or a [volume](volume.md); a volume's own come on
top. Each is a text; quotes are optional. \`secret:<name>/<key>\` stands for a value of a secret. Keys of the
[runefile](../operations.md#runefile) hold for all volumes of the driver.`;

const yesOrNo = (value: boolean) => value ? "yes" : "no";

/** What a driver can do, one row each. */
function describeCapabilities(can: DriverCapabilities): [what: string, answer: string][] {
  return [
    ["access modes", can.accessModes.map((mode) => `\`${mode}\``).join(", ")],
    ["snapshots", yesOrNo(can.snapshots)],
    ["`reclaimPolicy: delete`", can.reclaimDelete ? "yes" : "refused"],
    ["deleted volumes", can.sources.includes("trash") ? "come back from the trash" : "have no trash"],
    ["growing", can.expand ? can.onlineExpand ? "yes, also while mounted" : "while nobody mounts it" : "no"],
    ["process services", can.processMounts ? "may mount it" : "may not mount it"],
    ["data in a backup, by `--with-volumes`", yesOrNo(can.sources.includes("archive"))],
  ];
}

function docRow(
  doc: SettingDoc,
  { key, shown = key, last }: { key: string; shown?: string; last?: string },
): string[] {
  const { form, default: byDefault, unit = "", example, means } = doc;
  return [
    `\`${shown}\``,
    form,
    byDefault,
    unit,
    `\`${key}: ${example}\``,
    means,
    ...(last === undefined ? [] : [last]),
  ];
}

/** A table without its empty columns. */
function withoutEmptyColumns([head, ...rows]: string[][]): string[][] {
  const kept = head!.map((_, i) => i).filter((i) => rows.some((row) => row[i] !== ""));
  return [head!, ...rows].map((row) => kept.map((i) => row[i]!));
}

const HEAD = ["type", "default", "unit", "example", "what it does"];

function driverSection({ name, means, capabilities, parameters, keys }: DriverDocs): string {
  return [
    `## ${name}`,
    means,
    writeTable([["", "this driver"], ...describeCapabilities(capabilities)]),
    "### Parameters of `" + name + "`",
    writeTable(withoutEmptyColumns([
      ["parameter", ...HEAD],
      ...Object.entries(parameters).map(([key, doc]) => docRow(doc, { key })),
    ])),
    "### Runefile keys of `" + name + "`",
    writeTable(withoutEmptyColumns([
      ["key", ...HEAD, "a change takes effect"],
      ...keys.map(({ key, doc, live }) =>
        docRow(doc, { key, shown: `storage.${key}`, last: live ? "with a reload" : "with a restart" })
      ),
    ])),
  ].join("\n\n");
}

/** The page with every driver: capabilities, parameters, and keys of the runefile. */
export function driverPage(drivers: DriverDocs[]): string {
  return `${WRITTEN}\n\n# Drivers\n\n${OPENING}\n\n${drivers.map(driverSection).join("\n\n")}\n`;
}
