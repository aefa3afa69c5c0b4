/**
 * The client's own file: contexts, each an address with a token. Private to its owner and replaced
 * atomically.
 * @module
 */
import { dirname, join } from "node:path";
import { replaceFile } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { findNearest } from "../../model/suggest.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/** One daemon as the user saved it. */
export interface SavedContext {
  /** Origin of the daemon. */
  server: string;
  namespace?: string;
  token?: string;
  /** Path of the certificates to trust, PEM. */
  ca?: string;
}

/** The content of the file. */
export interface ConfigFile {
  path: string;
  current?: string;
  contexts: Record<string, SavedContext>;
}

/** The path of the file: `RUNE_CONFIG`, else `~/.rune/config.yaml`; undefined without a home directory. */
export function configPath(env: (name: string) => string | undefined): string | undefined {
  const home = env("HOME");
  return env("RUNE_CONFIG") || (home ? join(home, ".rune", "config.yaml") : undefined);
}

const isText = (value: unknown) => value === undefined || typeof value === "string";

function parseConfig(path: string, value: unknown): ConfigFile {
  const configError = (what: string) =>
    new RuneError("invalid_argument", `${path}: ${what}`, {
      hint: "fix it, or remove it and log in again",
    });
  if (value === null || value === undefined) return { path, contexts: {} };
  if (typeof value !== "object" || Array.isArray(value)) throw configError("expected a map");
  const { current, contexts = {}, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw configError(`unknown field "${unknown}"`);
  if (!isText(current)) throw configError("current: expected the name of a context");
  if (typeof contexts !== "object" || contexts === null) throw configError("contexts: expected a map");
  for (const [name, context] of Object.entries(contexts)) {
    const { server, namespace, token, ca } = (context ?? {}) as Record<string, unknown>;
    if (typeof server !== "string" || ![namespace, token, ca].every(isText)) {
      throw configError(`contexts.${name}: expected server, and optionally namespace, token, ca`);
    }
  }
  return {
    path,
    ...(current !== undefined && { current: current as string }),
    contexts: contexts as ConfigFile["contexts"],
  };
}

/**
 * Reads the file. A missing file has no contexts.
 *
 * @throws {RuneError} `invalid_argument` if it cannot be parsed; the error never quotes its content.
 */
export async function readConfig(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return { path, contexts: {} };
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuneError("invalid_argument", `cannot read ${path}: ${reason}`, {
      hint: "make it readable for you, or choose another file with RUNE_CONFIG",
      cause,
    });
  }
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw new RuneError("invalid_argument", `${path} is not YAML`, {
      hint: "fix it, or remove it and log in again",
    });
  }
  return parseConfig(path, value);
}

/** Replaces the file atomically. Only its owner can read it. */
export async function writeConfig({ path, current, contexts }: ConfigFile): Promise<void> {
  const { stringify } = await import("yaml");
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const text = stringify({ ...(current !== undefined && { current }), contexts });
  // A unique name: if two commands write at once, the last one wins completely.
  await replaceFile(path, text, { aside: `${path}.${crypto.randomUUID().slice(0, 8)}` });
}

/** A context by name. @throws {UsageError} if there is none, with the nearest name as the hint. */
export function requireContext({ contexts, path }: ConfigFile, name: string): SavedContext {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found) return found;
  const near = findNearest(name, Object.keys(contexts));
  throw new UsageError(
    `there is no context "${name}" in ${path}`,
    near ? `did you mean "${near}"?` : "see rune context list, and rune login",
  );
}
