/** `rune admin token`: list, create, revoke. @module */
import type { Command } from "@commander-js/extra-typings";
import type { NewTokenView, TokenView } from "../../../model/identity.ts";
import { segment } from "../../client/client.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession, type Session } from "../../client/command.ts";
import { newTokenText, TOKEN_COLUMNS } from "../../describe/identity_text.ts";
import { reserveTokenFile } from "../../files/token_file.ts";
import { printItems } from "./items.ts";

/**
 * Creates a token and prints it, or writes it to a new file. The file is opened first, so that no token is
 * created that cannot be stored.
 */
export async function printNewToken(
  { terminal }: Session,
  { outFile, text }: { outFile?: string; text: (made: NewTokenView) => string },
  make: () => Promise<NewTokenView>,
): Promise<void> {
  const file = outFile === undefined ? undefined : await reserveTokenFile(outFile);
  let made: NewTokenView;
  try {
    made = await make();
  } catch (error) {
    await file?.discard();
    throw error;
  }
  terminal.err(text(made));
  if (!file) return terminal.out(`${made.token}\n`);
  await file.keep(made.token);
  terminal.err(`written to ${outFile}\n`);
}

/** Defines the group. */
export function defineTokens(group: Command, cli: Cli): void {
  const list = group.command("list").alias("ls").description("list tokens without their secrets");
  addGlobalFlags(list, { output: true });
  list.addHelpText("after", formatExamples("rune admin token list"));
  list.action(async (_, self) => {
    const session = openSession(cli, self);
    const { items } = await session.client.request<{ items: TokenView[] }>("GET", "/v1/admin/tokens");
    await printItems(session, { items, columns: TOKEN_COLUMNS, nameOf: ({ id }) => `token/${id}` });
  });

  const create = group.command("create").description("create a token for a user or service account")
    .argument("<user>")
    .option("--expires-in <duration>", "12h, 30d; default: never")
    .option("--description <text>", "its purpose")
    .option("--out-file <file>", "write it to a new file that only you can read, instead of printing it");
  addGlobalFlags(create);
  create.addHelpText(
    "after",
    "\nThe token is shown once. To create one, your own policies must cover the user's.\n" +
      formatExamples("rune admin token create ci --expires-in 90d --out-file ci.token"),
  );
  create.action(async (user, { expiresIn, description, outFile }, self) => {
    const session = openSession(cli, self);
    const body = { user, expiresIn, description };
    await printNewToken(
      session,
      { outFile, text: (made) => newTokenText(made, Date.now()) },
      () => session.client.request<NewTokenView>("POST", "/v1/admin/tokens", { body }),
    );
  });

  const revoke = group.command("revoke").description("revoke a token at once, also in open streams").argument(
    "<id>",
  );
  addGlobalFlags(revoke);
  revoke.addHelpText("after", formatExamples("rune admin token revoke 3f9c2b7d10aa45e6"));
  revoke.action(async (id, _, self) => {
    const { terminal, client } = openSession(cli, self);
    const gone = await client.request<TokenView>("DELETE", `/v1/admin/tokens/${segment(id)}`);
    terminal.out(`token ${gone.id} of ${gone.user} revoked\n`);
  });
}
