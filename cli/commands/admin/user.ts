/** `rune admin user` and `rune admin service`: list, create, grant, delete. @module */
import type { Command } from "@commander-js/extra-typings";
import type { UserView } from "../../../model/identity.ts";
import { segment } from "../../client/client.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession } from "../../client/command.ts";
import { USER_COLUMNS } from "../../describe/identity_text.ts";
import { printItems } from "./items.ts";

const collect = (value: string, before: string[] = []) => [...before, ...value.split(",")];

/** The policies of a new user, or what to do if there are none. */
function policiesText({ name, type, policies }: UserView): string {
  if (policies.length > 0) return `(${policies.join(", ")})`;
  return `without a policy: it may do nothing until you run rune admin ${type} grant ${name} --policy <policy>`;
}

/** The subcommands that both groups share. */
function defineShared(group: Command, cli: Cli, type: UserView["type"]): void {
  const word = type === "user" ? "user" : "service";
  const list = group.command("list").alias("ls").description(
    `list ${type === "user" ? "users" : "service accounts"}`,
  );
  addGlobalFlags(list, { output: true });
  list.addHelpText("after", formatExamples(`rune admin ${word} list`));
  list.action(async (_, self) => {
    const session = openSession(cli, self);
    const { items } = await session.client.request<{ items: UserView[] }>("GET", "/v1/admin/users");
    const own = items.filter((user) => user.type === type);
    await printItems(session, { items: own, columns: USER_COLUMNS, nameOf: ({ name }) => `${word}/${name}` });
  });

  const grant = group.command("grant").description("set the policies: what is not named is taken away")
    .argument("<name>")
    .requiredOption("--policy <names>", "may be repeated, or names with commas", collect);
  addGlobalFlags(grant);
  grant.addHelpText(
    "after",
    "\nThe policies that you name replace all that the account holds. To add one, name the earlier ones too:\n" +
      `rune admin ${word} list shows them.\n` +
      formatExamples(
        `rune admin ${word} grant alice --policy readwrite`,
        `rune admin ${word} grant alice --policy readonly,cast      # both, and no other`,
      ),
  );
  grant.action(async (name, { policy }, self) => {
    const { terminal, client } = openSession(cli, self);
    const body = { policies: policy };
    const user = await client.request<UserView>("PUT", `/v1/admin/users/${segment(name)}/policies`, { body });
    terminal.out(`${user.name} holds ${user.policies.join(", ")} now\n`);
  });

  const remove = group.command("delete").description("delete it and its tokens").argument("<name>");
  addGlobalFlags(remove);
  remove.addHelpText("after", formatExamples(`rune admin ${word} delete alice`));
  remove.action(async (name, _, self) => {
    const { terminal, client } = openSession(cli, self);
    await client.request("DELETE", `/v1/admin/users/${segment(name)}`);
    terminal.out(`${name} and its tokens are gone\n`);
  });
}

/** Defines `rune admin user`. */
export function defineUsers(group: Command, cli: Cli): void {
  defineShared(group, cli, "user");
  const create = group.command("create").description("create a user").argument("<name>")
    .option(
      "--policy <names>",
      "may be repeated, or names with commas; without any it may do nothing",
      collect,
    )
    .option("--description <text>", "who it is");
  addGlobalFlags(create);
  create.addHelpText(
    "after",
    "\nA user logs in with a token: rune admin token create <name>. You cannot create a user with more rights than yours.\n" +
      formatExamples("rune admin user create alice --policy readwrite --description 'Alice, on call'"),
  );
  create.action(async (name, { policy, description }, self) => {
    const { terminal, client } = openSession(cli, self);
    const body = { name, policies: policy, description };
    const user = await client.request<UserView>("POST", "/v1/admin/users", { body });
    terminal.out(`user ${user.name} created ${policiesText(user)}\n`);
  });
}

/** Defines `rune admin service`. */
export function defineServiceAccounts(group: Command, cli: Cli): void {
  defineShared(group, cli, "service");
  const create = group.command("create").description("create a service account, for a machine").argument(
    "<name>",
  )
    .option(
      "--policy <names>",
      "may be repeated, or names with commas; without any it may do nothing",
      collect,
    )
    .option("--description <text>", "its purpose");
  addGlobalFlags(create);
  create.addHelpText(
    "after",
    "\nIts policies apply only in the namespace of -n, even if they name others.\n" +
      formatExamples(
        "rune admin service create ci -n prod --policy cast",
        "rune admin token create ci --expires-in 90d",
      ),
  );
  create.action(async (name, { policy, description }, self) => {
    const { terminal, client, namespace } = openSession(cli, self);
    const body = { name, namespace, policies: policy, description };
    const user = await client.request<UserView>("POST", "/v1/admin/services", { body });
    terminal.out(`service account ${user.name} created in ${user.namespace} ${policiesText(user)}\n`);
  });
}
