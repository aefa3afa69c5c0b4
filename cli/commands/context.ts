/** `rune context`: the daemons that the user has saved. @module */
import { resolve } from "node:path";
import { isName } from "../../model/name.ts";
import { addGlobalFlags, type Define, formatExamples, openOutput } from "../client/command.ts";
import { requireContext, type SavedContext, writeConfig } from "../files/config_file.ts";
import { parseServer } from "../files/contexts.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { type Column, renderJson, renderYaml, Table } from "../terminal/output.ts";
import { requireConfig } from "./login.ts";

interface Row extends SavedContext {
  name: string;
  current: boolean;
}

const COLUMNS: Column<Row, undefined>[] = [
  { header: "CURRENT", cell: (r) => r.current ? "*" : "" },
  { header: "NAME", cell: (r) => r.name },
  { header: "SERVER", cell: (r) => r.server },
  { header: "NAMESPACE", cell: (r) => r.namespace ?? "default" },
  { header: "TOKEN", cell: (r) => r.token === undefined ? "no" : "yes" },
];

/** A token is shown by its id only; the secret part stays in the file. */
const maskToken = ({ token, ...rest }: SavedContext) => ({
  ...rest,
  ...(token !== undefined && { token: `${token.split(".")[0]}.(hidden)` }),
});

/** See the module. */
export const define: Define = (group, cli) => {
  const list = group.command("list").alias("ls").description("list contexts");
  addGlobalFlags(list, { output: true });
  list.addHelpText("after", formatExamples("rune context list"));
  list.action(async (_, self) => {
    const { contexts, ...config } = requireConfig(cli);
    const { terminal, output, paint, chosen } = openOutput(cli, self);
    const current = chosen ?? config.current;
    const rows = Object.entries(contexts).map(([name, context]) => ({
      name,
      current: name === current,
      ...maskToken(context),
    }));
    if (output === "json") terminal.out(renderJson({ items: rows }));
    else if (output === "yaml") terminal.out(await renderYaml({ items: rows }));
    else if (output === "name") terminal.out(rows.map(({ name }) => `context/${name}\n`).join(""));
    else if (rows.length === 0) terminal.err("no contexts; rune login creates one\n");
    else {terminal.out(
        await new Table(COLUMNS, { paint, wide: false, headers: true }).render(rows, undefined),
      );}
  });

  const use = group.command("use").description("switch to a context").argument("<name>");
  addGlobalFlags(use);
  use.addHelpText("after", formatExamples("rune context use prod"));
  use.action(async (name) => {
    const config = requireConfig(cli);
    const { server } = requireContext(config, name);
    await writeConfig({ ...config, current: name });
    cli.terminal.out(`${name} (${server}) is now the current context\n`);
  });

  const set = group.command("set").description("create a context, or change its address").argument("<name>");
  addGlobalFlags(set);
  set.addHelpText(
    "after",
    "\nOnly the flags that you pass change. A context loses its token when its address changes.\n" +
      formatExamples("rune context set lab --server http://127.0.0.1:7861", "rune context set prod -n shop"),
  );
  set.action(async (name, _, self) => {
    if (!isName(name)) {
      throw new UsageError(
        `"${name}" cannot name a context`,
        "use lower-case letters, digits and '-', at most 63",
      );
    }
    const config = requireConfig(cli);
    const flags = self.optsWithGlobals() as Record<string, string | undefined>;
    const before = Object.hasOwn(config.contexts, name) ? config.contexts[name] : undefined;
    const address = flags.server ?? before?.server;
    if (address === undefined) throw new UsageError("a new context needs an address", "add --server <url>");
    const server = parseServer(address);
    const namespace = flags.namespace ?? before?.namespace;
    if (namespace !== undefined && !isName(namespace)) {
      throw new UsageError(
        `"${namespace}" is not the name of a namespace`,
        "lower-case letters, digits and '-'",
      );
    }
    const ca = flags.tlsCa === undefined ? before?.ca : resolve(flags.tlsCa);
    const token = before?.server === server ? before.token : undefined;
    const saved: SavedContext = {
      server,
      ...(namespace !== undefined && { namespace }),
      ...(token !== undefined && { token }),
      ...(ca !== undefined && { ca }),
    };
    const current = config.current ?? name;
    await writeConfig({ ...config, current, contexts: { ...config.contexts, [name]: saved } });
    cli.terminal.out(`context ${name} ${before ? "changed" : "made"}: ${server}\n`);
  });

  const remove = group.command("delete").description("forget a context and its token").argument("<name>");
  addGlobalFlags(remove);
  remove.addHelpText("after", formatExamples("rune context delete lab"));
  remove.action(async (name) => {
    const config = requireConfig(cli);
    requireContext(config, name);
    const { [name]: _, ...contexts } = config.contexts;
    const current = config.current === name ? undefined : config.current;
    await writeConfig({ path: config.path, ...(current !== undefined && { current }), contexts });
    cli.terminal.out(`context ${name} deleted\n`);
  });

  const view = group.command("view").description("show a context without its token")
    .argument("[name]", "default: the current one");
  addGlobalFlags(view, { output: true });
  view.addHelpText("after", formatExamples("rune context view", "rune context view prod -o json"));
  view.action(async (word, _, self) => {
    const config = requireConfig(cli);
    const { terminal, output, chosen } = openOutput(cli, self);
    const current = chosen ?? config.current;
    const name = word ?? current;
    if (name === undefined) {
      throw new UsageError("there is no current context", "name one, or run rune login");
    }
    const shown = { name, current: name === current, ...maskToken(requireContext(config, name)) };
    terminal.out(output === "json" ? renderJson(shown) : await renderYaml(shown));
  });
};
