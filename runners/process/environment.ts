/**
 * The fixed environment of the host's programs, and the environment of a run's command. The second comes from
 * the user, so it never becomes the environment of a program that may still be root: a variable such as
 * `LD_PRELOAD` would run code in it. The shell that becomes the command gets it as text over a pipe. It is in
 * no file and no argument.
 * @module
 */
import { SYSTEM_PATH } from "./tools.ts";

/** The whole environment of helpers. */
export const HELPER_ENVIRONMENT: Record<string, string> = { LC_ALL: "C", PATH: SYSTEM_PATH };

/** Replaces a line break in setup.sh, which reads line by line. */
const LINE_BREAK = `'"$__rune_break"'`;

/**
 * Encodes the input of setup.sh: the word that lets it continue, one assignment per line, and a final dot, so
 * that it never mistakes a part for the whole.
 */
export function encodeEnvironment(env: Record<string, string>): Uint8Array {
  const lines = Object.entries(env).map(([name, value]) =>
    `export ${name}=${quoteWord(value).replaceAll("\n", LINE_BREAK)}`
  );
  return new TextEncoder().encode(["go", ...lines, ".", ""].join("\n"));
}

/** Quotes a word for a POSIX shell. Within single quotes only the quote itself is special. */
export function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** How many milliseconds a ready process may take to become its command: two system calls. */
const BECOME_MS = 1_000;

/**
 * Reads the values of these variables from a running process, since they are stored nowhere else.
 */
export async function readSecrets(
  pid: number,
  names: readonly string[] = [],
): Promise<Record<string, string>> {
  if (names.length === 0) return {};
  for (let tries = 0; tries < BECOME_MS; tries++) {
    const variables = readEnvironment(pid);
    if (variables) return Object.fromEntries(variables.filter(([name]) => names.includes(name)));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return {};
}

/** Reads the variables of a process; undefined while it is still a helper. */
function readEnvironment(pid: number): (readonly [name: string, value: string])[] | undefined {
  const variables = Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0").filter((text) => text !== "")
    .map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)] as const);
  const isHelper = variables.length === Object.keys(HELPER_ENVIRONMENT).length &&
    variables.every(([name, value]) => HELPER_ENVIRONMENT[name] === value);
  return isHelper ? undefined : variables;
}
