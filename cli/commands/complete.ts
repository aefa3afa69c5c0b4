/**
 * Completes command lines for shells. Commands and flags come from the command tree, names of resources from
 * the daemon. If the daemon is slow or unreachable, it offers no names, and never an error.
 * @module
 */
import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { ResourceList } from "../../model/api.ts";
import { findKind, type KindInfo, KINDS } from "../../model/kinds.ts";
import type { AnyResource, Kind } from "../../model/resource.ts";
import { collectionPath } from "../client/api.ts";
import type { Client } from "../client/client.ts";

/** A possible next word. */
export interface Candidate {
  word: string;
  description?: string;
}

/** Tells the shell to complete file names itself. */
export const FILES: Candidate = { word: ":files" };

/** The longest wait for the daemon, in milliseconds, because the user waits too. */
const PATIENCE_MS = 1_500;

/** What completion works with. */
export interface CompletionContext {
  program: CommandUnknownOpts;
  /** Adds the flags and subcommands of a top-level command. */
  load(command: CommandUnknownOpts): Promise<void>;
  /** Connects as the words so far say. */
  connect(words: { server?: string; namespace?: string }): { client: Client; namespace: string };
}

/** The state after the words so far. */
interface Position {
  command: CommandUnknownOpts;
  /** Arguments so far. */
  args: string[];
  /** The flag whose value is being typed. */
  option?: Option;
  flags: Map<string, string>;
  /** After `--`, where flags end. */
  ended: boolean;
}

async function walk(words: string[], { program, load }: CompletionContext): Promise<Position> {
  const at: Position = { command: program, args: [], flags: new Map(), ended: false };
  for (const word of words) {
    if (at.option) {
      at.flags.set(at.option.attributeName(), word);
      at.option = at.option.variadic ? at.option : undefined;
      if (!word.startsWith("-")) continue;
      at.option = undefined;
    }
    if (word === "--") at.ended = true;
    else if (word.startsWith("-") && !at.ended) {
      const [flag, value] = word.split("=", 2) as [string, string?];
      const option = findOption(at.command, flag);
      if (!option || (!option.required && !option.optional)) continue;
      if (value === undefined) at.option = option;
      else at.flags.set(option.attributeName(), value);
    } else {
      const next = at.args.length > 0
        ? undefined
        : at.command.commands.find((c) => c.name() === word || c.aliases().includes(word));
      if (!next) at.args.push(word);
      else {
        if (at.command === program) await load(next);
        at.command = next;
      }
    }
  }
  return at;
}

function findOption(command: CommandUnknownOpts, flag: string): Option | undefined {
  for (let at: CommandUnknownOpts | null = command; at; at = at.parent) {
    const found = at.options.find((option) => option.long === flag || option.short === flag);
    if (found) return found;
  }
}

/** The words that may replace the last of `words`. */
export async function complete(words: string[], context: CompletionContext): Promise<Candidate[]> {
  const current = words.at(-1) ?? "";
  const position = await walk(words.slice(0, -1), context);
  const candidates = await candidatesAt(position, current, context);
  return candidates.filter((candidate) => candidate === FILES || candidate.word.startsWith(current));
}

async function candidatesAt(at: Position, current: string, context: CompletionContext): Promise<Candidate[]> {
  if (at.option) return await valuesOf(at.option, at, context);
  if (current.startsWith("-") && !at.ended) return flagsOf(at.command);
  const subcommands = at.args.length > 0 ? [] : at.command.commands.map((command) => ({
    word: command.name(),
    description: command.description(),
  }));
  return [...subcommands, ...await argumentsOf(at, context)];
}

function flagsOf(command: CommandUnknownOpts): Candidate[] {
  return [
    ...command.options.filter((option) => !option.hidden && option.long).map((option) => ({
      word: option.long!,
      description: option.description,
    })),
    { word: "--help", description: "show help" },
  ];
}

const FILE_OPTIONS = ["config", "dataDir", "file", "out", "root", "tokenFile"];

async function valuesOf(option: Option, at: Position, context: CompletionContext): Promise<Candidate[]> {
  if (option.argChoices) return option.argChoices.map((word) => ({ word }));
  const name = option.attributeName();
  if (name === "namespace") return await names([KINDS.namespace], at, context);
  if (name === "withVolumes") return await names([KINDS.volume], at, context, { qualified: true });
  return FILE_OPTIONS.includes(name) ? [FILES] : [];
}

async function argumentsOf(at: Position, context: CompletionContext): Promise<Candidate[]> {
  const declared = at.command.registeredArguments;
  const last = declared.at(-1);
  const argument = declared[at.args.length] ?? (last?.variadic ? last : undefined);
  if (!argument) return [];
  if (argument.argChoices) return argument.argChoices.map((word) => ({ word }));
  const kinds = Object.values(KINDS).filter((kind) => kind.public).map((kind) => ({ word: kind.plural }));
  switch (argument.name()) {
    case "sources":
    case "file":
      return [FILES];
    case "kind":
      return kinds;
    case "kind-or-service":
      return [...kinds, ...await names([KINDS.service], at, context)];
    case "service":
      return await names([KINDS.service], at, context);
    case "target":
      return await names([KINDS.service, KINDS.instance], at, context);
    case "name":
    case "names": {
      // `get volumes <name>`, or `volume get <name>`.
      const kind = findKind(at.args[0] ?? "") ?? findKind(at.command.parent?.name() ?? "");
      return kind ? await names([kind], at, context) : [];
    }
    default: {
      const kind = findKind(argument.name());
      return kind ? await names([kind], at, context) : [];
    }
  }
}

async function names(
  kinds: KindInfo[],
  { flags, args }: Position,
  { connect }: CompletionContext,
  options: { qualified?: boolean } = {},
): Promise<Candidate[]> {
  const { client, namespace } = connect({ server: flags.get("server"), namespace: flags.get("namespace") });
  const lists = await Promise.all(kinds.map(async ({ kind, namespaced }) => {
    const path = collectionPath(kind as Kind, namespaced && !options.qualified ? namespace : undefined);
    const { items } = await client.request<ResourceList<AnyResource>>("GET", path, {
      timeoutMs: PATIENCE_MS,
    });
    return items.map((item) => ({
      word: options.qualified ? `${item.namespace}/${item.name}` : item.name,
      description: "status" in item && "state" in item.status ? `${kind}, ${item.status.state}` : kind,
    }));
  }));
  return lists.flat().filter(({ word }) => !args.includes(word));
}
