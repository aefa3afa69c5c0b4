/** What Commander says of a command line that it cannot read, in the two lines that every error of this program has. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** `rune volume create`: a command as it is typed. */
function pathOf(command: CommandUnknownOpts): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** The option that has the word as one of its own: `--storage-class` for `--class`. */
function containing(option: string, { options }: CommandUnknownOpts): string | undefined {
  const word = option.replace(/^-+/, "");
  return options.flatMap(({ long, negate }) => long && !negate ? long : [])
    .find((long) => long.slice(2).split("-").includes(word));
}

/** @param command where the line went wrong. */
function hintOf(
  message: string,
  { guess, command }: { guess?: string; command: CommandUnknownOpts },
): string {
  const unknown = /^error: unknown option '(-[^']+)'/.exec(message)?.[1];
  const meant = (unknown && containing(unknown, command)) ?? guess;
  if (meant !== undefined) return `did you mean ${meant}?`;
  const path = pathOf(command);
  if (/^error: (missing required argument|too many arguments)/.test(message)) {
    return `usage: ${path} ${command.usage()} (more in ${path} --help)`;
  }
  return `see ${path} --help`;
}

/** Commander's text as `error: …` and `hint: …`. */
export function misuseLines(text: string, command: CommandUnknownOpts): string {
  const guessed = /\n?\(Did you mean (.+)\?\)/.exec(text.trim());
  const said = guessed ? text.trim().slice(0, guessed.index) : text.trim();
  const message = said.startsWith("error: ") ? said : `error: ${said}`;
  return `${message}\nhint: ${hintOf(message, { guess: guessed?.[1], command })}\n`;
}
