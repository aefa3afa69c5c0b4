/**
 * Resolves which daemon and namespace a command addresses: flags first, then the environment, then defaults.
 * @module
 */
import { DEFAULT_SERVER } from "../../model/endpoint.ts";
import { type ConfigFile, requireContext } from "./config_file.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/** The target of a command. */
export interface Context {
  /** The daemon's origin, without a trailing slash. */
  server: string;
  namespace: string;
  /** Whether a flag, variable or context named the namespace; else it is the default. */
  namespaceGiven: boolean;
  /** The name of the context in the user's file. */
  name?: string;
  token?: string;
  /** Certificates to trust, PEM. */
  ca?: string;
}

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Parses an address as people write it: `http://127.0.0.1:7861`, `127.0.0.1:7861`, `:7861`.
 *
 * @throws {UsageError} if it is not an address.
 */
export function parseServer(text: string): string {
  const local = text.startsWith(":") ? `127.0.0.1${text}` : text;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(local) ? local : `http://${local}`);
  if (!url || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    throw new UsageError(
      `"${text}" is not the address of a daemon`,
      `write it as a URL, for example ${DEFAULT_SERVER}`,
    );
  }
  return url.origin;
}

/** The flags that select a daemon and a namespace. */
export interface ContextFlags {
  server?: string;
  namespace?: string;
  context?: string;
  token?: string;
  tokenFile?: string;
  tlsCa?: string;
}

function readFlagFile(path: string, flag: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${flag}: ${reason}`, "name a file that you can read");
  }
}

/**
 * Parses the text of a token from a file or variable.
 *
 * @throws {UsageError} if it is not a token; the error does not quote the text.
 */
export function parseTokenText(text: string, where: string): string {
  const token = text.trim();
  if (/^rune_[a-z0-9]+\.[A-Za-z0-9_-]+$/.test(token)) return token;
  throw new UsageError(`${where} contains no token`, "a token begins with rune_ and is one word");
}

function tokenOf(flags: ContextFlags, env: (name: string) => string | undefined): string | undefined {
  if (flags.token !== undefined) return parseTokenText(flags.token, "--token");
  if (flags.tokenFile !== undefined) {
    return parseTokenText(readFlagFile(flags.tokenFile, "--token-file"), flags.tokenFile);
  }
  const variable = env("RUNE_TOKEN");
  return variable ? parseTokenText(variable, "RUNE_TOKEN") : undefined;
}

/**
 * Resolves the context of one command line.
 *
 * @param flags the values of `--server`, `--namespace` and the like.
 * @param config the user's file, if there is one.
 * @throws {UsageError} for a malformed address, namespace or token, or for an unknown context.
 */
export function resolveContext(
  flags: ContextFlags,
  env: (name: string) => string | undefined,
  config: ConfigFile = { path: "", contexts: {} },
): Context {
  const name = flags.context ?? (env("RUNE_CONTEXT") || config.current);
  const saved = name === undefined ? undefined : requireContext(config, name);
  const given = flags.namespace ?? (env("RUNE_NAMESPACE") || undefined);
  const namespace = given ?? saved?.namespace ?? "default";
  if (!NAME.test(namespace)) {
    throw new UsageError(
      `"${namespace}" is not the name of a namespace`,
      "lower-case letters, digits and '-', at most 63",
    );
  }
  const server = parseServer(flags.server ?? (env("RUNE_SERVER") || saved?.server || DEFAULT_SERVER));
  // A token is only for the daemon that issued it, so another address drops the context's token.
  const own = saved && parseServer(saved.server) === server ? saved : undefined;
  const token = tokenOf(flags, env) ?? own?.token;
  const caFile = flags.tlsCa ?? own?.ca;
  return {
    server,
    namespace,
    namespaceGiven: given !== undefined,
    ...(name !== undefined && { name }),
    ...(token !== undefined && { token }),
    ...(caFile !== undefined && { ca: readFlagFile(caFile, "--tls-ca") }),
  };
}
