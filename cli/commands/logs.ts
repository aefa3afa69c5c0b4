/** `rune logs`: what the instances of a service, or one of them, print. @module */
import type { LogLine } from "../../spec/api.ts";
import { resourcePath } from "../api.ts";
import { addGlobalFlags, type Define, examples, openSession } from "../command.ts";
import { UsageError } from "../exit_codes.ts";
import { type Paint, PREFIX_STYLES, withColours } from "../paint.ts";
import { findTarget } from "../target.ts";
import { durationFlag } from "../wait_flags.ts";

/** A point in time: RFC 3339, or a duration before now. @throws {UsageError} when it is neither. */
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

/** Turns log lines into text. */
export interface LogFormatter {
  /** A line; the parts of a very long one are joined again where nothing came in between. */
  line(line: LogLine): string;
  /** What ends a line that is left open. */
  end(): string;
}

/** Makes one. */
export function logFormatter(
  options: { prefix: boolean; timestamps: boolean; paint: Paint },
): LogFormatter {
  const styles = new Map<string, number>();
  /** Whose line stands on the screen without its end. */
  let open: string | undefined;
  const beginning = ({ instance, time }: LogLine) => {
    const at = options.timestamps ? `${time ?? "-"} ` : "";
    if (!options.prefix) return at;
    if (!styles.has(instance)) styles.set(instance, styles.size);
    const style = PREFIX_STYLES[styles.get(instance)! % PREFIX_STYLES.length];
    return `${options.paint(style, instance)} ${at}`;
  };
  const end = () => {
    const left = open === undefined ? "" : "\n";
    open = undefined;
    return left;
  };
  return {
    line(line) {
      const key = `${line.instance} ${line.stream}`;
      const before = open === key ? "" : end() + beginning(line);
      open = line.continues ? key : undefined;
      return `${before}${line.text}${line.continues ? "" : "\n"}`;
    },
    end,
  };
}

/** See the module. */
export const define: Define = (command, cli) => {
  const logs = command
    .argument("<target>", "a service, an instance, service/<name> or instance/<name>")
    .option("-f, --follow", "go on with what comes, across restarts")
    .option("--tail <lines>", "only the last lines of each instance")
    .option("--since <time>", "only from here on: 5m, 2h, 2026-01-31T12:00:00Z")
    .option("--until <time>", "only up to here")
    .option("--grep <pattern>", "only lines that match this regular expression (of those chosen by --tail)")
    .option("-t, --timestamps", "begin each line with its time")
    .option("-p, --previous", "of the run before the current one")
    .option("--init-step <name>", "of the last attempt at this init step");
  addGlobalFlags(logs);
  logs.addHelpText(
    "after",
    "\nWhere a service has several instances, each line begins with the name of its instance.\n" +
      examples(
        "rune logs web -f",
        "rune logs instance/web-0 --tail 100",
        "rune logs api --since 10m --grep 'ERROR|WARN'",
        "rune logs web --previous",
        "rune logs web --init-step migrate",
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
    const target = await findTarget(session, word);
    const prefix = target.kind === "service" && target.spec.scale > 1;
    const format = logFormatter({ prefix, timestamps: options.timestamps ?? false, paint });
    for await (const { event, data } of client.stream(resourcePath(target, "logs"), { query })) {
      if (event !== "line") continue;
      const line = JSON.parse(data) as LogLine;
      if (pattern && !pattern.test(line.text)) continue;
      // A file or a pipe gets what was printed, byte for byte; a terminal gets its colours and no other orders.
      if (!terminal.stdoutIsTerminal) await terminal.write("out", encoder.encode(format.line(line)));
      else terminal.out(format.line({ ...line, text: withColours(line.text) }));
    }
    terminal.out(format.end());
    if (options.follow && options.initStep === undefined) {
      terminal.err(`the log of ${target.kind} ${target.name} ended\n`);
    }
  });
};
