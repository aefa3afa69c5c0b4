/** `rune login`: tries a token at a daemon and saves it under a name. @module */
import { resolve } from "node:path";
import { RuneError } from "../../model/error.ts";
import { isName } from "../../model/name.ts";
import type { Whoami } from "../../model/identity.ts";
import { createClient } from "../client/client.ts";
import {
  addGlobalFlags,
  type Cli,
  type Define,
  formatExamples,
  openSession,
  type Session,
} from "../client/command.ts";
import { type ConfigFile, type SavedContext, writeConfig } from "../files/config_file.ts";
import { parseServer, parseTokenText } from "../files/contexts.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/** The user's file. @throws {UsageError} if there is no home directory to keep it in. */
export function requireConfig(cli: Cli): ConfigFile {
  if (cli.config) return cli.config;
  throw new UsageError("there is nowhere to save contexts: HOME is not set", "set HOME or RUNE_CONFIG");
}

const MAX_INPUT = 4096;

async function readStdin({ terminal }: Session): Promise<string> {
  if (terminal.stdinIsTerminal) terminal.err("token: ");
  const reader = terminal.stdin.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .getReader();
  let text = "";
  while (text.length < MAX_INPUT && !text.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel().catch(() => {});
  return parseTokenText(text, "standard input");
}

/** See the module. */
export const define: Define = (command, cli) => {
  const login = command.argument("<context>", "your name for this daemon")
    .option("--token-stdin", "read the token from standard input");
  addGlobalFlags(login);
  login.addHelpText(
    "after",
    "\nRune tries the token first, then saves it in ~/.rune/config.yaml, which only you can read. The context becomes the\n" +
      "current one. With -n it is also the namespace of the context.\n" +
      formatExamples(
        "rune login prod --server https://rune.example.com:7861 --token-file ./token",
        "pass show rune/prod | rune login prod --server https://rune.example.com:7861 --token-stdin",
        "rune login lab --server https://10.0.0.5:7861 --tls-ca ./ca.pem --token-stdin",
      ),
  );
  login.action(async (name, { tokenStdin }, self) => {
    if (!isName(name)) {
      throw new UsageError(
        `"${name}" cannot name a context`,
        "use lower-case letters, digits and '-', at most 63",
      );
    }
    const config = requireConfig(cli);
    const known = Object.hasOwn(config.contexts, name) ? config.contexts[name] : undefined;
    const flags = self.optsWithGlobals() as Record<string, string | undefined>;
    const { terminal } = cli;
    // Never combine this with another context: this token is only for this daemon.
    const session = openSession({ ...cli, config: { path: config.path, contexts: {} } }, self);
    const server = parseServer(
      flags.server ?? (terminal.env("RUNE_SERVER") || known?.server || session.client.server),
    );
    const token = tokenStdin ? await readStdin(session) : session.context.token;
    if (token === undefined) {
      throw new UsageError("login needs a token", "use --token-stdin, --token-file <file> or RUNE_TOKEN");
    }
    const ca = flags.tlsCa === undefined ? known?.ca : resolve(flags.tlsCa);
    const caText = session.context.ca ?? (ca === undefined ? undefined : await Deno.readTextFile(ca));
    const client = createClient(server, { token, ca: caText });
    const me = await client.request<Whoami>("GET", "/v1/auth/whoami");
    if (me.type === "anonymous") {
      throw new RuneError("failed_precondition", `the daemon at ${server} does not require tokens`, {
        hint: `nothing was saved; to save its address: rune context set ${name} --server ${server}`,
      });
    }
    const namespace = flags.namespace ?? known?.namespace ?? me.namespace;
    const saved: SavedContext = {
      server,
      ...(namespace !== undefined && { namespace }),
      token,
      ...(ca !== undefined && { ca }),
    };
    await writeConfig({ ...config, current: name, contexts: { ...config.contexts, [name]: saved } });
    terminal.out(
      `logged in to ${name} (${server}) as ${me.user}: ${me.policies.join(", ") || "no policy yet"}\n`,
    );
    for (const warning of me.warnings) terminal.err(`${session.paintErr("yellow", "warning:")} ${warning}\n`);
  });
};
