/** `rune admin policy`: list, get, create, set, delete. @module */
import type { Command } from "@commander-js/extra-typings";
import type { PolicyView, Rule } from "../../../model/identity.ts";
import { RuneError } from "../../../model/error.ts";
import { segment } from "../../client/client.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession } from "../../client/command.ts";
import { UsageError } from "../../terminal/exit_codes.ts";
import { POLICY_COLUMNS } from "../../describe/identity_text.ts";
import { renderJson, renderYaml } from "../../terminal/output.ts";
import { readSources } from "../../files/sources.ts";
import { printItems } from "./items.ts";

/** Parses `services,volumes:get,list@prod`. The daemon checks the words. */
function parseRule(text: string, before: Rule[] = []): Rule[] {
  const match = /^([^:@]+):([^@]+)(?:@([^@]+))?$/.exec(text);
  if (!match) {
    throw new UsageError(`"${text}" is not a rule`, "write --rule services,volumes:get,list@prod");
  }
  const [, resources, verbs, namespace = "*"] = match;
  const rules = resources!.split(",").map((resource) => ({ resource, verbs: verbs!.split(","), namespace }));
  return [...before, ...rules as unknown as Rule[]];
}

const WORDS =
  "\nResources: services instances volumes snapshots secrets configmaps events namespaces storageclasses users tokens\n" +
  "policies audit registries backup engine kek, or *. Verbs: get list watch create update delete scale exec port-forward,\n" +
  "services.privileged storageclasses.set-default volumes.cascade, or *.\n" +
  "A file has the format of rune admin policy get: name, description and rules. Separate several policies with ---.\n";

interface WriteFlags {
  filename?: string;
  rule?: Rule[];
  description?: string;
}

/** The policies that a command line defines, in a file or by flags. */
async function readPolicies(
  name: string | undefined,
  { flags, cli }: { flags: WriteFlags; cli: Cli },
): Promise<{ name: string; description?: string | undefined; rules: Rule[] }[]> {
  const { filename, rule, description } = flags;
  if (filename === undefined) {
    if (name === undefined || rule === undefined) {
      throw new UsageError(
        "a policy needs a name and rules",
        "name it and add --rule, or pass a file with -f",
      );
    }
    return [{ name, rules: rule, description }];
  }
  if (rule !== undefined || description !== undefined) {
    throw new UsageError("-f cannot be combined with --rule or --description", "write them into the file");
  }
  const { parsePolicies } = await import("../../files/policy_file.ts");
  const sources = await readSources([filename], { recursive: false, stdin: cli.terminal.stdin });
  return sources.flatMap((source) => parsePolicies(source, name === undefined ? {} : { name }));
}

/** `create` only makes new policies; `set` also replaces existing ones. */
function defineWrite(group: Command, cli: Cli, verb: "create" | "set"): void {
  const write = group.command(verb)
    .description(verb === "create" ? "create a policy" : "create or replace a policy")
    .argument("[name]")
    .option("-f, --filename <file>", "policies in YAML or JSON; - reads standard input")
    .option("--rule <rule>", "<resources>:<verbs>[@<namespace>]; may be repeated", parseRule)
    .option("--description <text>", "its purpose");
  addGlobalFlags(write);
  const example =
    `rune admin policy ${verb} deployer --rule services:get,list,watch,create,update,scale@prod`;
  write.addHelpText("after", WORDS + formatExamples(example, `rune admin policy ${verb} -f deployer.yaml`));
  write.action(async (name, flags, self) => {
    const { terminal, client } = openSession(cli, self);
    for (const { name: called, ...body } of await readPolicies(name, { flags, cli })) {
      const made = verb === "create"
        ? await client.request<PolicyView>("POST", "/v1/admin/policies", { body: { name: called, ...body } })
        : await client.request<PolicyView>("PUT", `/v1/admin/policies/${segment(called)}`, { body });
      const count = made.rules.length === 1 ? "1 rule" : `${made.rules.length} rules`;
      terminal.out(`policy ${made.name} ${verb === "create" ? "created" : "set"} (${count})\n`);
    }
  });
}

/** Defines the group. */
export function definePolicies(group: Command, cli: Cli): void {
  const list = group.command("list").alias("ls").description("list policies");
  addGlobalFlags(list, { output: true });
  list.addHelpText("after", formatExamples("rune admin policy list"));
  list.action(async (_, self) => {
    const session = openSession(cli, self);
    const { items } = await session.client.request<{ items: PolicyView[] }>("GET", "/v1/admin/policies");
    await printItems(session, { items, columns: POLICY_COLUMNS, nameOf: ({ name }) => `policy/${name}` });
  });

  const get = group.command("get").description("show the rules of a policy").argument("<name>");
  addGlobalFlags(get, { output: true });
  get.addHelpText("after", formatExamples("rune admin policy get readwrite"));
  get.action(async (name, _, self) => {
    const { terminal, client, output } = openSession(cli, self);
    const { items } = await client.request<{ items: PolicyView[] }>("GET", "/v1/admin/policies");
    const policy = items.find((p) => p.name === name);
    if (!policy) {
      throw new RuneError("not_found", `there is no policy ${name}`, { hint: "see rune admin policy list" });
    }
    terminal.out(output === "json" ? renderJson(policy) : await renderYaml(policy));
  });

  defineWrite(group, cli, "create");
  defineWrite(group, cli, "set");

  const remove = group.command("delete").description("delete a policy that nobody has").argument("<name>");
  addGlobalFlags(remove);
  remove.addHelpText("after", formatExamples("rune admin policy delete deployer"));
  remove.action(async (name, _, self) => {
    const { terminal, client } = openSession(cli, self);
    await client.request("DELETE", `/v1/admin/policies/${segment(name)}`);
    terminal.out(`policy ${name} deleted\n`);
  });
}
