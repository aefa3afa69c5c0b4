/** Prints lists of items that are not resources, in the requested format. @module */
import type { Session } from "../../client/command.ts";
import { type Column, renderJson, renderYaml, Table } from "../../terminal/output.ts";

/** Prints `items` as a table, JSON, YAML or names. */
export async function printItems<T>(
  { terminal, output, paint }: Session,
  { items, columns, nameOf }: {
    items: T[];
    columns: Column<T, { now: number }>[];
    nameOf: (item: T) => string;
  },
): Promise<void> {
  if (output === "json") terminal.out(renderJson({ items }));
  else if (output === "yaml") terminal.out(await renderYaml({ items }));
  else if (output === "name") terminal.out(items.map((item) => `${nameOf(item)}\n`).join(""));
  else if (items.length === 0) terminal.err("none found\n");
  else {
    const table = new Table(columns, { paint, wide: output === "wide", headers: true });
    terminal.out(await table.render(items, { now: Date.now() }));
  }
}
