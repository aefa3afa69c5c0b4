/**
 * The command tree. It contains only names and summaries; a command's own file is loaded when its name is
 * typed, so that the program starts fast.
 * @module
 */
import type { ServeOptions } from "../model/serve_options.ts";
import { Command, CommanderError, type CommandUnknownOpts, Help } from "@commander-js/extra-typings";
import { addGlobalFlags, type Cli, type Define, formatExamples } from "./client/command.ts";
import { configPath, readConfig } from "./files/config_file.ts";
import { createClient } from "./client/client.ts";
import { resolveContext } from "./files/contexts.ts";
import { printError } from "./terminal/errors.ts";
import { RuneError } from "../model/error.ts";
import type { Offline } from "../model/offline.ts";
import { EXIT, exitCodeOf } from "./terminal/exit_codes.ts";
import { Interrupted } from "./terminal/interrupt.ts";
import { misuseLines, refuseHelpOfUnknown } from "./terminal/misuse.ts";
import { OutputClosed, systemTerminal, type Terminal } from "./terminal/terminal.ts";

interface Entry {
  name: string;
  alias?: string;
  summary: string;
  load: () => Promise<{ define: Define }>;
}

const TREE: Record<string, Entry[]> = {
  "Castfiles:": [
    {
      name: "cast",
      alias: "apply",
      summary: "apply castfiles and wait until they run",
      load: () => import("./commands/cast.ts"),
    },
    {
      name: "lint",
      summary: "check castfiles and runefiles without a daemon",
      load: () => import("./commands/lint.ts"),
    },
    {
      name: "diff",
      summary: "show what a cast would change",
      load: () => import("./commands/diff.ts"),
    },
  ],
  "Resources:": [
    { name: "get", summary: "list resources, or show some by name", load: () => import("./commands/get.ts") },
    {
      name: "describe",
      summary: "show everything about one resource",
      load: () => import("./commands/describe.ts"),
    },
    { name: "delete", summary: "delete resources", load: () => import("./commands/delete.ts") },
    { name: "events", summary: "show what happened", load: () => import("./commands/events.ts") },
    {
      name: "status",
      summary: "show the node at a glance",
      load: () => import("./commands/status.ts"),
    },
  ],
  "Services:": [
    {
      name: "service",
      alias: "svc",
      summary: "manage services",
      load: () => import("./commands/service.ts"),
    },
    { name: "scale", summary: "set how many instances run", load: () => import("./commands/scale.ts") },
    { name: "restart", summary: "replace every instance", load: () => import("./commands/restart.ts") },
    { name: "stop", summary: "scale to 0, keep the service", load: () => import("./commands/stop.ts") },
    {
      name: "history",
      summary: "list the accepted specs of a service",
      load: () => import("./commands/history.ts"),
    },
    {
      name: "rollout",
      summary: "follow the progress of a change",
      load: () => import("./commands/rollout.ts"),
    },
    {
      name: "rollback",
      summary: "return to an earlier spec",
      load: () => import("./commands/rollback.ts"),
    },
    {
      name: "health",
      summary: "show whether instances are ready",
      load: () => import("./commands/health.ts"),
    },
    { name: "deps", summary: "show dependencies between services", load: () => import("./commands/deps.ts") },
    { name: "logs", summary: "show the output of instances", load: () => import("./commands/logs.ts") },
    { name: "exec", summary: "run a command inside an instance", load: () => import("./commands/exec.ts") },
  ],
  "Configuration:": [
    {
      name: "create",
      summary: "create a secret or configmap from values and files",
      load: () => import("./commands/create.ts"),
    },
    {
      name: "configmap",
      alias: "cm",
      summary: "manage configmaps",
      load: () => import("./commands/configmap.ts"),
    },
    { name: "secret", summary: "manage secrets", load: () => import("./commands/secret.ts") },
  ],
  "Storage:": [
    { name: "volume", alias: "vol", summary: "manage volumes", load: () => import("./commands/volume.ts") },
    {
      name: "snapshot",
      alias: "snap",
      summary: "manage snapshots of volumes",
      load: () => import("./commands/snapshot.ts"),
    },
    {
      name: "storageclass",
      alias: "sc",
      summary: "manage storage classes",
      load: () => import("./commands/storage_class.ts"),
    },
  ],
  "Access:": [
    { name: "login", summary: "save a token for a daemon", load: () => import("./commands/login.ts") },
    { name: "logout", summary: "forget the token of a context", load: () => import("./commands/logout.ts") },
    { name: "whoami", summary: "show the current user", load: () => import("./commands/whoami.ts") },
    {
      name: "context",
      summary: "manage the daemons you have saved",
      load: () => import("./commands/context.ts"),
    },
    {
      name: "admin",
      summary: "manage users, tokens, policies, the audit log, keys, backups",
      load: () => import("./commands/admin.ts"),
    },
  ],
  "Rune:": [
    { name: "serve", summary: "run the daemon", load: () => import("./commands/serve.ts") },
    {
      name: "install",
      summary: "install the program and its systemd unit",
      load: () => import("./commands/install.ts"),
    },
    {
      name: "completion",
      summary: "print a shell completion script",
      load: () => import("./commands/completion.ts"),
    },
    {
      name: "version",
      summary: "show the versions of client and daemon",
      load: () => import("./commands/version.ts"),
    },
  ],
};

/** Makes a command and its subcommands name themselves in usage errors. */
function reportMisuse(command: CommandUnknownOpts): void {
  command.configureOutput({ outputError: (text, write) => write(misuseLines(text, command)) });
  command.on("beforeHelp", () => refuseHelpOfUnknown(command));
  command.commands.forEach(reportMisuse);
}

/** Groups what help lists. The options of the command itself come first, even where `-h` is the only one. */
const groupOwnFirst: Help["groupItems"] = (unsorted, visible, groupOf) => {
  const groups = new Help().groupItems(unsorted, visible, groupOf);
  const own = groups.get("Options:");
  return own ? new Map([["Options:", own], ...groups]) : groups;
};

interface Program {
  program: Command;
  /** Adds the flags, arguments and action of a top-level command. */
  load(command: CommandUnknownOpts): Promise<void>;
}

function buildProgram(cli: Cli): Program {
  const program = new Command("rune")
    .description("Runs services, with their data, on this machine.")
    .enablePositionalOptions()
    .helpCommand(false)
    .helpOption("-h, --help", "show this help")
    .configureHelp({ groupItems: groupOwnFirst })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.terminal.out(text),
      writeErr: (text) => cli.terminal.err(text),
      getOutHelpWidth: () => cli.terminal.size()?.columns ?? 100,
      getOutHasColors: () => false,
    })
    .addHelpText(
      "after",
      formatExamples(
        "rune serve --dev-mode         run the daemon on a laptop",
        "rune cast web.yaml            apply a castfile and wait until it runs",
        "rune get services             see what runs",
        "rune logs web -f              follow its output",
      ),
    );
  reportMisuse(program);
  addGlobalFlags(program, { output: true, allNamespaces: true });
  const loaders = new Map<string, Entry["load"]>();
  for (const [group, entries] of Object.entries(TREE)) {
    program.commandsGroup(group);
    for (const { name, alias, summary, load } of entries) {
      const command = program.command(name).description(summary).helpCommand(false);
      if (alias) command.alias(alias);
      loaders.set(name, load);
    }
  }
  const loadCommand = async (command: CommandUnknownOpts) => {
    const load = loaders.get(command.name());
    if (!load) return;
    const path = configPath(cli.terminal.env);
    if (path !== undefined) cli.config = await readConfig(path);
    const { define } = await load();
    define(command as unknown as Command, cli);
    reportMisuse(command);
    // Before this hook runs, Commander sets the defaults of flags such as --no-wait. If the positive flag
    // exists too, an absent flag must mean neither.
    for (const option of command.options) {
      const positive = command.options.some((o) => !o.negate && o.attributeName() === option.attributeName());
      if (option.negate && !positive) {
        command.setOptionValueWithSource(option.attributeName(), true, "default");
      }
    }
  };
  program.hook("preSubcommand", (_, command) => loadCommand(command));
  return { program, load: loadCommand };
}

/** The hidden command that completion scripts call, with `--` and the words so far. */
const COMPLETE = "__complete";

async function printCompletions(
  words: string[],
  { terminal, ...tree }: Program & { terminal: Terminal },
): Promise<void> {
  const { complete } = await import("./commands/complete.ts");
  const connect = (given: { server?: string; namespace?: string }) => {
    const { server, namespace } = resolveContext(given, terminal.env);
    return { client: createClient(server), namespace };
  };
  // Whoever presses Tab gets candidates or nothing: an error would be written into the command line.
  const candidates = await complete(words, { ...tree, connect }).catch(() => []);
  const lines = candidates.map(({ word, description }) =>
    description ? `${word}\t${description}\n` : `${word}\n`
  );
  terminal.out(lines.join(""));
}

/** A command with an action. */
export interface ListedCommand {
  /** The words that lead to it. */
  words: string[];
  /** How many arguments it has. */
  arguments: number;
  command: CommandUnknownOpts;
}

/** Every command with an action. */
export async function listCommands(terminal: Terminal): Promise<ListedCommand[]> {
  const cli: Cli = {
    terminal,
    serve: () => Promise.resolve(),
    loadOffline: failWithoutDaemon,
    exitCode: EXIT.ok,
  };
  const { program, load } = buildProgram(cli);
  const found: ListedCommand[] = [];
  const walk = (command: CommandUnknownOpts, words: string[]) => {
    if (command.commands.length === 0) {
      found.push({ words, arguments: command.registeredArguments.length, command });
    }
    for (const below of command.commands) walk(below, [...words, below.name()]);
  };
  for (const command of program.commands) {
    await load(command);
    walk(command, [command.name()]);
  }
  return found;
}

const failWithoutDaemon = () =>
  Promise.reject(new RuneError("internal", "this program does not include the daemon"));

/** Rewrites other ways to get help: nothing and `help` mean `--help`, `help get` means `get --help`. */
function unfold(argv: string[]): string[] {
  const [first, ...rest] = argv;
  if (first === undefined) return ["--help"];
  if (first === "help") return [...rest, "--help"];
  return first === "--version" ? ["version", "--client", ...rest] : argv;
}

/**
 * Runs one command line.
 *
 * @param argv the words after `rune`.
 * @param io `serve` runs the daemon; `offline` loads what it can do without running; `terminal` replaces the
 * process's own.
 * @returns the exit code. It does not throw: failures are printed.
 */
export async function runCli(
  argv: string[],
  io: {
    serve: (options: ServeOptions) => Promise<void>;
    loadOffline?: () => Promise<Offline>;
    terminal?: Terminal;
  },
): Promise<number> {
  const terminal = io.terminal ?? systemTerminal();
  const cli: Cli = {
    terminal,
    serve: io.serve,
    loadOffline: io.loadOffline ?? failWithoutDaemon,
    exitCode: EXIT.ok,
  };
  try {
    const { program, load } = buildProgram(cli);
    if (argv[0] === COMPLETE) await printCompletions(argv.slice(2), { terminal, program, load });
    else await program.parseAsync(unfold(argv), { from: "user" });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.ok;
    if (error instanceof Interrupted) return error.exitCode;
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    try {
      printError(terminal, error);
    } catch (failure) {
      if (!(failure instanceof OutputClosed)) throw failure;
    }
    return exitCodeOf(error);
  }
}
