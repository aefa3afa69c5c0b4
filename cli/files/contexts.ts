/**
 * Which daemon and which namespace a command speaks of: flags, then the environment, then the defaults.
 * @module
 */
import { DEFAULT_SERVER } from "../../model/endpoint.ts";
import { type ConfigFile, requireContext } from "./config_file.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/** Where commands go. */
export interface Context {
  /** Origin of the daemon, without a trailing slash. */
  server: string;
  namespace: string;
  /** The namespace was named, by a flag or the environment; else it is the default. */
  namespaceGiven: boolean;
  /** Of the context in the user's file. */
  name?: string;
  token?: string;
  /** Certificates to trust, PEM. */
  ca?: string;
}

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Origin of an address as people write it: `http://127.0.0.1:7861`, `127.0.0.1:7861`, `:7861`.
 *
 * @throws {UsageError} when it is none.
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

/** What a command line says of where to go. */
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
 * A token as it stands in a file or a variable.
 *
 * @throws {UsageError} when it is none; what was found is not quoted.
 */
export function parseTokenText(text: string, where: string): string {
  const token = text.trim();
  if (/^rune_[a-z0-9]+\.[A-Za-z0-9_-]+$/.test(token)) return token;
  throw new UsageError(`${where} holds no token`, "a token begins with rune_ and is one word");
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
 * The context of one command line.
 *
 * @param flags what `--server`, `--namespace` and the like said.
 * @param config the user's file, where there is one.
 * @throws {UsageError} for an address, a namespace or a token of another form, or a context that does not
 * exist.
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
  // A token is for the daemon that gave it, whatever address a flag or a variable puts in its place.
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
