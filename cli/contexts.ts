/** Which daemon and which namespace a command speaks of: flags, then the environment, then the defaults. @module */
import { DEFAULT_SERVER } from "../spec/endpoint.ts";
import { UsageError } from "./exit_codes.ts";

/** Where commands go. */
export interface Context {
  /** Origin of the daemon, without a trailing slash. */
  server: string;
  namespace: string;
  /** The namespace was named, by a flag or the environment; else it is the default. */
  namespaceGiven: boolean;
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

/**
 * The context of one command line.
 *
 * @param flags what `--server` and `--namespace` said.
 * @throws {UsageError} for an address or a namespace of another form.
 */
export function resolveContext(
  flags: { server?: string; namespace?: string },
  env: (name: string) => string | undefined,
): Context {
  const given = flags.namespace ?? (env("RUNE_NAMESPACE") || undefined);
  const namespace = given ?? "default";
  if (!NAME.test(namespace)) {
    throw new UsageError(
      `"${namespace}" is not the name of a namespace`,
      "lower-case letters, digits and '-', at most 63",
    );
  }
  const server = parseServer(flags.server ?? (env("RUNE_SERVER") || DEFAULT_SERVER));
  return { server, namespace, namespaceGiven: given !== undefined };
}
