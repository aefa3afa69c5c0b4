/** `rune exec`: runs a command, or a shell, inside an instance. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { RuneError } from "../../model/error.ts";
import { resourcePath } from "../client/api.ts";
import type { Client } from "../client/client.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { readsInput } from "../terminal/exec_input.ts";
import { NotOpened, runExec } from "../client/exec_session.ts";
import { withInterrupt } from "../terminal/interrupt.ts";
import { findTarget } from "./target.ts";

/** Starts the best shell that the instance has. */
const SHELL = ["sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"];

/**
 * Finds the words of the command itself. Flags of rune may stand between the target and `--`, and are parsed
 * here.
 *
 * @param words everything after the target.
 * @throws {UsageError} if they are not flags, or if no `--` ends them.
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

/** Finds out why the daemon refused a WebSocket: it answers an ordinary request with the reason. */
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
    .argument("[command...]", "what to run; default: a shell")
    .option("-i, --stdin", "always pass standard input on")
    .option("--no-stdin", "do not read standard input")
    .option("-t, --tty", "allocate a terminal; default: if this is a terminal")
    .option("--no-tty", "do not allocate a terminal")
    .passThroughOptions();
  addGlobalFlags(exec);
  exec.addHelpText(
    "after",
    "\nExits with the command's exit code. Flags of rune go before the target, or before --.\n" +
      "\nWithout -i, standard input goes to the command if it is a terminal, a pipe, or a file that nobody has read from yet.\n" +
      "In `while read x; do rune exec …; done < list` the list therefore stays unread. In `cat list | while read x` Rune\n" +
      "cannot tell: write </dev/null or --no-stdin there.\n" +
      formatExamples(
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
      throw new UsageError("-t needs a terminal, and standard input is not one", "omit -t");
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
