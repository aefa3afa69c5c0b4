/** `rune logs`: the output of a service's instances, or of one instance. @module */
import type { LogLine } from "../../model/api.ts";
import { resourcePath } from "../client/api.ts";
import { addGlobalFlags, type Define, formatExamples, openSession } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { createLineJoiner, type LogFormatter, logFormatter } from "../describe/log_lines.ts";
import { findLogTarget } from "./target.ts";
import { durationFlag } from "../waiting/wait_flags.ts";

/** A point in time: RFC 3339, or a duration before now. @throws {UsageError} if it is neither. */
export function parseTime(text: string, now: number): string {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : now - durationFlag(text);
  if (Number.isNaN(at)) {
    throw new UsageError(`"${text}" is not a time`, "write 5m, 2h, or a time such as 2026-01-31T12:00:00Z");
  }
  return new Date(at).toISOString();
}

function parseTail(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is not a number of lines`, "write a whole number, such as --tail 100");
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new UsageError(`"${text}" is not a regular expression`, "put a backslash before ( ) [ ] . * + ?");
  }
}

const encoder = new TextEncoder();

/** See the module. */
export const define: Define = (command, cli) => {
  const logs = command
    .argument("<target>", "a service, an instance, service/<name> or instance/<name>")
    .option("-f, --follow", "keep printing new lines, across restarts")
    .option("--tail <lines>", "only the last lines of each instance")
    .option("--since <time>", "only lines since: 5m, 2h, 2026-01-31T12:00:00Z")
    .option("--until <time>", "only lines until")
    .option("--grep <pattern>", "only lines that match this regular expression (after --tail)")
    .option("-t, --timestamps", "begin each line with its time")
    .option("-p, --previous", "the last run that ended, by a crash, restart, update or stop")
    .option("--init-step <name>", "the last attempt at this init step");
  addGlobalFlags(logs, { output: true });
  logs.addHelpText(
    "after",
    "\nIf a service has several instances, each line begins with the name of its instance. The last output of an instance\n" +
      "is kept until its service is deleted. -o json prints one object per line.\n" +
      formatExamples(
        "rune logs web -f",
        "rune logs instance/web-0 --tail 100",
        "rune logs api --since 10m --grep 'ERROR|WARN'",
        "rune logs web --previous",
        "rune logs web --init-step migrate",
        "rune logs web -o json",
      ),
  );
  logs.action(async (word, options, self) => {
    const session = openSession(cli, self);
    const { terminal, client, paint } = session;
    const pattern = options.grep === undefined ? undefined : parsePattern(options.grep);
    const now = Date.now();
    const query = {
      follow: options.follow,
      tail: options.tail === undefined ? undefined : parseTail(options.tail),
      since: options.since === undefined ? undefined : parseTime(options.since, now),
      until: options.until === undefined ? undefined : parseTime(options.until, now),
      previous: options.previous,
      initStep: options.initStep,
    };
    const asJson = session.output === "json";
    if (session.output !== undefined && !asJson) {
      throw new UsageError(`logs cannot be printed as "${session.output}"`, "omit -o, or use -o json");
    }
    const target = await findLogTarget(session, word);
    const joiner = createLineJoiner();
    let prefix = target.kind === "service" && target.spec.scale > 1;
    let format: LogFormatter | undefined;
    const show = async (line: LogLine) => {
      if (pattern && !pattern.test(line.text)) return;
      if (asJson) return await terminal.write("out", encoder.encode(`${JSON.stringify(line)}\n`));
      format ??= logFormatter({ prefix, timestamps: options.timestamps ?? false, paint });
      // A file or pipe receives the output byte for byte. A terminal receives colours and no other control
      // sequences.
      if (!terminal.stdoutIsTerminal) await terminal.write("out", format.bytes(line));
      else terminal.out(format.text(line));
    };
    for await (const { event, data } of client.stream(resourcePath(target, "logs"), { query })) {
      if (event === "line") {
        const line = joiner.push(JSON.parse(data) as LogLine);
        if (line) await show(line);
      } else if (event === "note") {
        terminal.err(`${(JSON.parse(data) as { message: string }).message}\n`);
      } else if (event === "sources") {
        const { instances } = JSON.parse(data) as { instances: string[] };
        prefix ||= target.kind === "service" && instances.length > 1;
      }
    }
    for (const line of joiner.rest()) await show(line);
    terminal.out(format?.end() ?? "");
    if (options.follow && options.initStep === undefined) {
      terminal.err(`the log of ${target.kind} ${target.name} ended\n`);
    }
  });
};
