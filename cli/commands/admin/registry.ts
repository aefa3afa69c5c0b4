/** `rune admin registry`: list, set, delete. Credentials are never printed. @module */
import type { Command } from "@commander-js/extra-typings";
import { parseNameRef } from "../../../model/name.ts";
import type { RegistryView } from "../../../model/registry.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession } from "../../client/command.ts";
import { UsageError } from "../../terminal/exit_codes.ts";
import type { Column } from "../../terminal/output.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { printItems } from "./items.ts";

const PATH = "/v1/admin/registries";
/** The longest value that the daemon accepts, in characters, with room for a line end. */
const MAX_INPUT = 16 * 1024 + 2;

const kindOf = ({ credentials, secret }: RegistryView) =>
  credentials === "secret" ? `secret ${secret}` : credentials;

const COLUMNS: Column<RegistryView, { now: number }>[] = [
  { header: "PATTERN", cell: (r) => r.match },
  { header: "SOURCE", cell: (r) => r.source },
  { header: "CREDENTIALS", cell: kindOf },
];

interface SetFlags {
  secret?: string;
  username?: string;
  passwordStdin?: true;
  tokenStdin?: true;
}

/** All of standard input, without the final line end. */
async function readValue(terminal: Terminal, what: string): Promise<string> {
  if (terminal.stdinIsTerminal) {
    throw new UsageError(
      `the ${what} is read from standard input, and this terminal would show it`,
      `pipe it: pass show registry | rune admin registry set … --${what}-stdin`,
    );
  }
  let text = "";
  for await (
    const piece of terminal.stdin.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    text += piece;
    if (text.length > MAX_INPUT) {
      throw new UsageError(`the ${what} is longer than 16 KiB`, "check the input of the pipe");
    }
  }
  const value = text.replace(/\r?\n$/, "");
  if (value === "") throw new UsageError(`the ${what} is empty`, "check the input of the pipe");
  return value;
}

/** The credentials that the flags name. */
async function credentialsOf(
  { secret, username, passwordStdin, tokenStdin }: SetFlags,
  { terminal, namespace }: { terminal: Terminal; namespace: string },
): Promise<Record<string, string>> {
  const basic = username !== undefined || passwordStdin !== undefined;
  const kinds = [secret !== undefined, basic, tokenStdin !== undefined].filter(Boolean).length;
  if (kinds !== 1 || (basic && (username === undefined || passwordStdin === undefined))) {
    throw new UsageError(
      "expected one kind of credentials",
      "give --secret <name>, or --username <name> with --password-stdin, or --token-stdin",
    );
  }
  if (secret !== undefined) {
    const ref = parseNameRef(secret, namespace);
    if (!ref) {
      throw new UsageError(`"${secret}" does not name a secret`, "write its name, or name.namespace.rune");
    }
    return { secret: `${ref.name}.${ref.namespace}.rune` };
  }
  if (tokenStdin) return { token: await readValue(terminal, "token") };
  return { username: username!, password: await readValue(terminal, "password") };
}

/** Defines the group. */
export function defineRegistries(group: Command, cli: Cli): void {
  const list = group.command("list").alias("ls").description("list registries without their credentials");
  addGlobalFlags(list, { output: true });
  list.addHelpText(
    "after",
    "\nA pull uses the longest matching pattern. Of two equally long patterns, the stored one wins over the one in\n" +
      "the runefile.\n" + formatExamples("rune admin registry list"),
  );
  list.action(async (_, self) => {
    const session = openSession(cli, self);
    const { items } = await session.client.request<{ items: RegistryView[] }>("GET", PATH);
    await printItems(session, { items, columns: COLUMNS, nameOf: ({ match }) => `registry/${match}` });
  });

  const set = group.command("set").description("set the credentials of a registry for future pulls")
    .argument("<pattern>", "a registry, optionally with the start of a path; * stands for any text in a part")
    .option(
      "--secret <name>",
      "secret with the keys username and password, or token; name.namespace.rune elsewhere",
    )
    .option("--username <name>", "user name, with --password-stdin")
    .option("--password-stdin", "read the password from standard input")
    .option("--token-stdin", "read a bearer token for the registry from standard input");
  addGlobalFlags(set);
  set.addHelpText(
    "after",
    "\nA secret is read at every pull: cast it with another password, and the next pull uses that. Credentials that you\n" +
      "pass here are stored encrypted and never shown.\n" +
      formatExamples(
        "rune admin registry set ghcr.io --secret ghcr",
        "rune admin registry set 'registry.example.com:5000/team/*' --secret pull.infra.rune",
        "pass show ghcr | rune admin registry set ghcr.io/owner --username reader --password-stdin",
      ),
  );
  set.action(async (match, flags, self) => {
    const { terminal, client, namespace } = openSession(cli, self);
    const credentials = await credentialsOf(flags as SetFlags, { terminal, namespace });
    const body = { match, ...credentials };
    const view = await client.request<RegistryView>("PUT", PATH, { body });
    terminal.out(`registry ${view.match} set (${kindOf(view)})\n`);
  });

  const remove = group.command("delete").description("delete a stored registry and its credentials")
    .argument("<pattern>");
  addGlobalFlags(remove);
  remove.addHelpText("after", formatExamples("rune admin registry delete ghcr.io"));
  remove.action(async (match, _, self) => {
    const { terminal, client } = openSession(cli, self);
    const view = await client.request<RegistryView>("DELETE", PATH, { query: { match } });
    terminal.out(`registry ${view.match} deleted\n`);
  });
}
