/** Turns Commander's usage errors into the two lines that every error of this program has. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { findNearest } from "../../model/suggest.ts";
import { commandFor, optionFor } from "./other_words.ts";

/** A command as it is typed: `rune volume create`. */
function pathOf(command: CommandUnknownOpts): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** The option that contains the word: `--storage-class` for `--class`. */
function findOptionWith(option: string, { options }: CommandUnknownOpts): string | undefined {
  const word = option.replace(/^-+/, "");
  return options.flatMap(({ long, negate }) => long && !negate ? long : [])
    .find((long) => long.slice(2).split("-").includes(word));
}

/** The flags of an option, short and long. */
const flagsOf = ({ options }: CommandUnknownOpts): string[] =>
  options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined));

/** Options that all commands share but only some support. */
const SHARED = ["-o", "--output", "-A", "--all-namespaces"];

/** @param command the command with the mistake. */
function hintOf(
  message: string,
  { guess, command }: { guess?: string; command: CommandUnknownOpts },
): string {
  const unknown = /^error: unknown option '(-[^']+)'/.exec(message)?.[1];
  if (unknown !== undefined && SHARED.includes(unknown)) return "omit it";
  const nosuch = /^error: unknown command '([^']+)'/.exec(message)?.[1];
  const elsewhere = nosuch !== undefined && command.parent === null ? commandFor(nosuch) : undefined;
  if (elsewhere !== undefined) return `in Rune that is: ${elsewhere}`;
  const meant = (unknown && (optionFor(unknown, flagsOf(command)) ?? findOptionWith(unknown, command))) ??
    guess;
  if (meant !== undefined) return `did you mean ${meant}?`;
  const path = pathOf(command);
  if (unknown === "-f" && command.name() === "cast") return "name the file without -f: rune cast web.yaml";
  if (/^error: (missing required argument|too many arguments)/.test(message)) {
    return `usage: ${path} ${command.usage()} (more in ${path} --help)`;
  }
  return `see ${path} --help`;
}

/** Commander's text as `error: …` and `hint: …`. */
export function misuseLines(text: string, command: CommandUnknownOpts): string {
  const guessed = /\n?\(Did you mean (.+)\?\)/.exec(text.trim());
  const said = guessed ? text.trim().slice(0, guessed.index) : text.trim();
  const shared = /^error: unknown option '(-[^']+)'/.exec(said)?.[1];
  const message = shared !== undefined && SHARED.includes(shared)
    ? `error: ${pathOf(command).slice("rune ".length)} does not take ${shared}`
    : said.startsWith("error: ")
    ? said
    : `error: ${said}`;
  return `${message}\nhint: ${hintOf(said, { guess: guessed?.[1], command })}\n`;
}

/**
 * Refuses `--help` after an unknown command, because the help of its parent would look like an answer.
 *
 * @throws {CommanderError} after printing the mistake.
 */
export function refuseHelpOfUnknown(command: CommandUnknownOpts): void {
  const [word] = command.args;
  if (word === undefined || word.startsWith("-") || command.registeredArguments.length > 0) return;
  const known = command.commands.flatMap((below) => [below.name(), ...below.aliases()]);
  if (known.length === 0 || known.includes(word)) return;
  const near = findNearest(word, known);
  command.error(`error: unknown command '${word}'${near === undefined ? "" : `\n(Did you mean ${near}?)`}`, {
    code: "commander.unknownCommand",
  });
}
