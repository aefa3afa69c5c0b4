/** What every command gets: the terminal, the shared flags, and a session with the daemon. @module */
import type { ServeOptions } from "../../model/serve_options.ts";
import { type Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { findKind, type KindInfo, KINDS } from "../../model/kinds.ts";
import type { Offline } from "../../model/offline.ts";
import { findNearest } from "../../model/suggest.ts";
import { type Client, createClient } from "./client.ts";
import type { ConfigFile } from "../files/config_file.ts";
import { type Context, resolveContext } from "../files/contexts.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { createPainter, type Paint } from "../terminal/paint.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** One run of the program. */
export interface Cli {
  terminal: Terminal;
  serve(options: ServeOptions): Promise<void>;
  /** The user's contexts, set once a command is known; absent if there is no home directory. */
  config?: ConfigFile;
  /** Loads the daemon's side of the program. */
  loadOffline(): Promise<Offline>;
  /** The exit code of the program; 0 unless a command sets another. */
  exitCode: number;
}

/** Adds arguments, options, help and an action to a command. */
export type Define = (command: Command, cli: Cli) => void;

/** Output formats. */
const OUTPUT_FORMATS = ["table", "wide", "json", "yaml", "name"] as const;
/** See {@linkcode OUTPUT_FORMATS}. */
export type OutputFormat = typeof OUTPUT_FORMATS[number];

/** The flags that every command shares. */
interface GlobalFlags {
  namespace?: string;
  server?: string;
  context?: string;
  token?: string;
  tokenFile?: string;
  tlsCa?: string;
  color?: boolean;
  verbose?: boolean;
  output?: OutputFormat;
  allNamespaces?: boolean;
}

const GROUP = "Global options:";

/** Adds the shared flags. Adds `-o` and `-A` only if the command supports them. */
export function addGlobalFlags(
  command: CommandUnknownOpts,
  honours: { output?: boolean; allNamespaces?: boolean } = {},
): void {
  const add = (flags: string, description: string, choices?: readonly string[]) => {
    const option = new Option(flags, description).helpGroup(GROUP);
    command.addOption(choices ? option.choices(choices) : option);
  };
  if (honours.output) add("-o, --output <format>", "output format", OUTPUT_FORMATS);
  if (honours.allNamespaces) add("-A, --all-namespaces", "all namespaces");
  add("-n, --namespace <name>", "namespace (RUNE_NAMESPACE; default)");
  add("--context <name>", "context from rune login (RUNE_CONTEXT; default: the current one)");
  add("--server <url>", "address of the daemon (RUNE_SERVER; default: http://127.0.0.1:7861)");
  add(
    "--token <token>",
    "token (RUNE_TOKEN); visible in the process list, so prefer --token-file",
  );
  add("--token-file <file>", "file with the token");
  add("--tls-ca <file>", "certificates to trust besides the system's, PEM");
  add("--no-color", "no colours (also NO_COLOR)");
  add("-v, --verbose", "print every request to standard error");
}

/** Merges the flags of a command with those before it; the nearest wins. */
function globalFlags(command: CommandUnknownOpts): GlobalFlags {
  const flags: Record<string, unknown> = {};
  for (let at: CommandUnknownOpts | null = command; at; at = at.parent) {
    for (const [name, value] of Object.entries(at.opts() as Record<string, unknown>)) {
      if (flags[name] === undefined) flags[name] = value;
      if (name === "color" && value === false) flags.color = false;
      if (value === undefined || at === command || (name !== "output" && name !== "allNamespaces")) continue;
      if (!command.options.some((option) => option.attributeName() === name)) {
        throw new UsageError(
          `${command.name()} does not take ${name === "output" ? "-o" : "-A"}`,
          "leave it out",
        );
      }
    }
  }
  return flags as GlobalFlags;
}

/** What a command works with. */
export interface Session {
  terminal: Terminal;
  client: Client;
  /** The daemon's address and the caller's identity. */
  context: Context;
  /** The namespace of names without one. */
  namespace: string;
  /** Whether a flag, variable or context named the namespace; else it is the default. */
  namespaceGiven: boolean;
  /** Whether `-A` was set. */
  allNamespaces: boolean;
  /** The value of `-o`; undefined if it is absent. */
  output?: OutputFormat;
  /** Colours for standard output. */
  paint: Paint;
  /** Colours for standard error. */
  paintErr: Paint;
}

/**
 * The output of a command that does not call the daemon.
 *
 * @returns `chosen` is the context named by a flag or RUNE_CONTEXT, which need not exist.
 */
export function openOutput(
  { terminal }: Cli,
  command: CommandUnknownOpts,
): Pick<Session, "terminal" | "output" | "paint"> & { chosen: string | undefined } {
  const flags = globalFlags(command);
  const colour = flags.color !== false && !terminal.env("NO_COLOR") && terminal.stdoutIsTerminal;
  const chosen = flags.context ?? (terminal.env("RUNE_CONTEXT") || undefined);
  return { terminal, output: flags.output, paint: createPainter(colour), chosen };
}

/**
 * Opens the session of one command line. Does not connect yet. @throws {UsageError} for conflicting flags.
 */
export function openSession(cli: Cli, command: CommandUnknownOpts): Session {
  const { terminal } = cli;
  const flags = globalFlags(command);
  const context = resolveContext(flags, terminal.env, cli.config);
  const { server, namespace, namespaceGiven, token, ca } = context;
  const colour = flags.color !== false && !terminal.env("NO_COLOR");
  const log = flags.verbose ? (line: string) => terminal.err(`${line}\n`) : undefined;
  return {
    terminal,
    client: createClient(server, { log, token, ca }),
    context,
    namespace,
    namespaceGiven,
    allNamespaces: flags.allNamespaces ?? false,
    output: flags.output,
    paint: createPainter(colour && terminal.stdoutIsTerminal),
    paintErr: createPainter(colour && terminal.stderrIsTerminal),
  };
}

/** The examples in a command's help. */
export function formatExamples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/**
 * Parses the name of a kind.
 *
 * @param otherwise a hint for words that were not meant as a kind.
 * @throws {UsageError} if there is no such kind, with the nearest one as the hint.
 */
export function parseKind(word: string, otherwise?: string): KindInfo {
  const found = findKind(word);
  if (found?.public) return found;
  const shown = Object.values(KINDS).filter((k) => k.public);
  const near = findNearest(word, shown.flatMap((k) => [k.kind, k.plural, ...k.aliases]));
  const hint = near ? `did you mean "${near}"?` : `known kinds: ${shown.map((k) => k.plural).join(", ")}`;
  throw new UsageError(`unknown kind "${word}"`, otherwise === undefined ? hint : `${hint}; ${otherwise}`);
}
