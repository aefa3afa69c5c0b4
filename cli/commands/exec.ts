/** `rune exec`: runs a command, or a shell, inside an instance. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { RuneError } from "../../model/error.ts";
import { resourcePath } from "../client/api.ts";
import type { Client } from "../client/client.ts";
import { addGlobalFlags, type Define, examples, openSession } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { readsInput } from "../terminal/exec_input.ts";
import { NotOpened, runExec } from "../client/exec_session.ts";
import { withInterrupt } from "../terminal/interrupt.ts";
import { findTarget } from "./target.ts";

/** The best shell that the instance has. */
const SHELL = ["sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"];

/**
 * The command's own words. Flags of rune may stand between the target and `--`; they are parsed here.
 *
 * @param words all that follows the target.
 * @throws {UsageError} when they are not flags, or no `--` ends them.
 */
function commandWords(exec: CommandUnknownOpts, words: string[]): string[] {
  if (!words[0]?.startsWith("-")) return words;
  const end = words.indexOf("--");
  const { operands, unknown } = exec.parseOptions(words.slice(0, end));
  if (end < 0 || operands.length > 0 || unknown.length > 0) {
    throw new UsageError(
      `"${words[0]}" is not a command`,
      "write -- before the command: rune exec web -- ls -l",
    );
  }
  return words.slice(end + 1);
}

/** What a WebSocket that did not open was refused with: an ordinary request is told. */
async function refusalOf(client: Client, path: string, error: unknown): Promise<unknown> {
  if (!(error instanceof NotOpened)) return error;
  try {
    await client.request("GET", path);
  } catch (refusal) {
    if (refusal instanceof RuneError && refusal.code !== "invalid_argument") return refusal;
  }
  return error;
}

/** See the module. */
export const define: Define = (command, cli) => {
  const exec = command
    .argument("<target>", "a service (any ready instance), an instance, service/<name> or instance/<name>")
    .argument("[command...]", "what to run; a shell when left out")
    .option("-i, --stdin", "pass standard input on, whatever it is")
    .option("--no-stdin", "leave standard input alone")
    .option("-t, --tty", "a terminal for the command; so it is where there is one here")
    .option("--no-tty", "no terminal for the command, also where there is one here")
    .passThroughOptions();
  addGlobalFlags(exec);
  exec.addHelpText(
    "after",
    "\nThe exit code is the command's. Flags of rune stand before the target, or before --.\n" +
      "\nWithout -i, standard input goes to the command where it was given to it: a terminal, a pipe, or a file from its\n" +
      "beginning. The list of `while read x; do rune exec …; done < list` is left alone; of `cat list | while read x` nobody\n" +
      "can tell whose it is: write </dev/null or --no-stdin there.\n" +
      examples(
        "rune exec web",
        "rune exec web -- ls -l /data",
        "rune exec -n prod instance/web-0 cat /etc/hosts",
        "rune exec db -- psql < dump.sql",
        "cat hosts | while read host; do rune exec --no-stdin web -- ping -c 1 $host; done",
      ),
  );
  exec.action(async (word, words, _, self) => {
    const own = commandWords(self, words);
    const session = openSession(cli, self);
    const { terminal, client } = session;
    const asked = self.opts() as { tty?: boolean; stdin?: boolean };
    const stdin = readsInput(asked.stdin, terminal.inputSource());
    if (asked.tty && !terminal.stdinIsTerminal) {
      throw new UsageError("standard input is no terminal, so -t cannot be had", "leave out -t");
    }
    const target = await findTarget(session, word);
    const request = {
      command: own.length > 0 ? own : SHELL,
      tty: stdin && (asked.tty ?? (terminal.stdinIsTerminal && terminal.stdoutIsTerminal)),
      stdin,
    };
    const path = resourcePath(target, "exec");
    try {
      cli.exitCode = await withInterrupt((signal) =>
        runExec(client.openSocket(path), terminal, { ...request, signal })
      );
    } catch (error) {
      throw await refusalOf(client, path, error);
    }
  });
};
