/** `rune admin policy`: list, get, set, delete. @module */
import type { Command } from "@commander-js/extra-typings";
import type { PolicyView, Rule } from "../../../spec/identity.ts";
import { RuneError } from "../../../spec/error.ts";
import { segment } from "../../client.ts";
import { addGlobalFlags, type Cli, examples, openSession } from "../../command.ts";
import { UsageError } from "../../exit_codes.ts";
import { POLICY_COLUMNS } from "../../identity_text.ts";
import { renderJson, renderYaml } from "../../output.ts";
import { printItems } from "./items.ts";

/** `services,volumes:get,list@prod`. The daemon judges the words. */
function parseRule(text: string, before: Rule[] = []): Rule[] {
  const match = /^([^:@]+):([^@]+)(?:@([^@]+))?$/.exec(text);
  if (!match) {
    throw new UsageError(`"${text}" is not a rule`, "write --rule services,volumes:get,list@prod");
  }
  const [, resources, verbs, namespace = "*"] = match;
  const rules = resources!.split(",").map((resource) => ({ resource, verbs: verbs!.split(","), namespace }));
  return [...before, ...rules as unknown as Rule[]];
}

/** Defines the group. */
export function definePolicies(group: Command, cli: Cli): void {
  const list = group.command("list").alias("ls").description("list policies");
  addGlobalFlags(list, { output: true });
  list.addHelpText("after", examples("rune admin policy list"));
  list.action(async (_, self) => {
    const session = openSession(cli, self);
    const { items } = await session.client.request<{ items: PolicyView[] }>("GET", "/v1/admin/policies");
    await printItems(session, { items, columns: POLICY_COLUMNS, nameOf: ({ name }) => `policy/${name}` });
  });

  const get = group.command("get").description("show the rules of a policy").argument("<name>");
  addGlobalFlags(get, { output: true });
  get.addHelpText("after", examples("rune admin policy get readwrite"));
  get.action(async (name, _, self) => {
    const { terminal, client, output } = openSession(cli, self);
    const { items } = await client.request<{ items: PolicyView[] }>("GET", "/v1/admin/policies");
    const policy = items.find((p) => p.name === name);
    if (!policy) {
      throw new RuneError("not_found", `there is no policy ${name}`, { hint: "see rune admin policy list" });
    }
    terminal.out(output === "json" ? renderJson(policy) : await renderYaml(policy));
  });

  const set = group.command("set").description("make or replace a policy").argument("<name>")
    .requiredOption("--rule <rule>", "<resources>:<verbs>[@<namespace>]; may be repeated", parseRule)
    .option("--description <text>", "what it is for");
  addGlobalFlags(set);
  set.addHelpText(
    "after",
    "\nResources: services instances volumes snapshots secrets configmaps events namespaces storageclasses users tokens\n" +
      "policies audit registries backup kek, or *. Verbs: get list watch create update delete scale exec port-forward,\n" +
      "services.privileged storageclasses.set-default volumes.cascade, or *.\n" +
      examples("rune admin policy set deployer --rule services:get,list,watch,create,update,scale@prod"),
  );
  set.action(async (name, { rule, description }, self) => {
    const { terminal, client } = openSession(cli, self);
    const body = { rules: rule, description };
    await client.request("PUT", `/v1/admin/policies/${segment(name)}`, { body });
    terminal.out(`policy ${name} set (${rule.length} ${rule.length === 1 ? "rule" : "rules"})\n`);
  });

  const remove = group.command("delete").description("remove a policy that nobody holds").argument("<name>");
  addGlobalFlags(remove);
  remove.addHelpText("after", examples("rune admin policy delete deployer"));
  remove.action(async (name, _, self) => {
    const { terminal, client } = openSession(cli, self);
    await client.request("DELETE", `/v1/admin/policies/${segment(name)}`);
    terminal.out(`policy ${name} deleted\n`);
  });
}
