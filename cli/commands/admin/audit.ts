/** `rune admin audit`: who did what. @module */
import type { Command } from "@commander-js/extra-typings";
import type { AuditRecord } from "../../../model/identity.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession } from "../../client/command.ts";
import { withInterrupt } from "../../terminal/interrupt.ts";
import { renderYaml } from "../../terminal/output.ts";
import type { Paint } from "../../terminal/paint.ts";

/** Formats a record as one line. */
function line(record: AuditRecord, paint: Paint): string {
  const { at, user, address, method, path, what, outcome, status, code } = record;
  const colour = outcome === "ok" ? "green" : outcome === "begun" ? "yellow" : "red";
  const ended = status === undefined ? outcome : `${outcome} ${status}`;
  const parts = [at, paint(colour, ended), user, address, method, path, code, what && `(${what})`];
  return `${parts.filter(Boolean).join("  ")}\n`;
}

/** Defines the command. */
export function defineAudit(group: Command, cli: Cli): void {
  const audit = group.command("audit").description(
    "show who did what, when, from where, and with what outcome",
  )
    .option("-f, --follow", "keep printing new records")
    .option("--since <time>", "records since a time, or for the last duration: 1h")
    .option("--user <name>", "only records of this user")
    .option("--denied", "only refused requests")
    .option("--limit <n>", "print at most this many, the latest", "1000");
  addGlobalFlags(audit, { output: true });
  audit.addHelpText(
    "after",
    "\nRune records every write, every exec and every refusal, in at most five files of 10 MiB. `begun` means that the\n" +
      "outcome is unknown: the request still runs, or the daemon died.\n" +
      formatExamples(
        "rune admin audit --since 1h",
        "rune admin audit -f --denied",
        "rune admin audit --user ci -o json",
      ),
  );
  audit.action(async ({ follow, since, user, denied, limit }, self) => {
    const { terminal, client, output, paint } = openSession(cli, self);
    const query = { since, user, denied: denied ?? false, limit };
    const show = async (record: AuditRecord) => {
      if (output === "json") terminal.out(`${JSON.stringify(record)}\n`);
      else if (output === "yaml") terminal.out(`---\n${await renderYaml(record)}`);
      else terminal.out(line(record, paint));
    };
    const path = "/v1/admin/audit";
    if (!follow) {
      const { items } = await client.request<{ items: AuditRecord[] }>("GET", path, { query });
      for (const record of items) await show(record);
      return;
    }
    await withInterrupt(async (signal) => {
      for await (const { data } of client.stream(path, { query: { ...query, follow: true }, signal })) {
        await show(JSON.parse(data));
      }
    });
  });
}
