/**
 * The client's own file: contexts, each an address with a token. Private to its owner, replaced in one step.
 * @module
 */
import { dirname, join } from "node:path";
import { replaceFile } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { findNearest } from "../../model/suggest.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/** One daemon as the user knows it. */
export interface SavedContext {
  /** Origin of the daemon. */
  server: string;
  namespace?: string;
  token?: string;
  /** File of the certificates to trust, PEM. */
  ca?: string;
}

/** What the file holds. */
export interface ConfigFile {
  path: string;
  current?: string;
  contexts: Record<string, SavedContext>;
}

/** Where the file is: `RUNE_CONFIG`, else `~/.rune/config.yaml`; undefined without a home. */
export function configPath(env: (name: string) => string | undefined): string | undefined {
  const home = env("HOME");
  return env("RUNE_CONFIG") || (home ? join(home, ".rune", "config.yaml") : undefined);
}

const isText = (value: unknown) => value === undefined || typeof value === "string";

function parseConfig(path: string, value: unknown): ConfigFile {
  const configError = (what: string) =>
    new RuneError("invalid_argument", `${path}: ${what}`, {
      hint: "correct it, or remove it and log in again",
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
 * Reads the file; one that is missing holds no contexts.
 *
 * @throws {RuneError} `invalid_argument` when it cannot be understood; its content is never quoted.
 */
export async function readConfig(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return { path, contexts: {} };
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuneError("invalid_argument", `cannot read ${path}: ${reason}`, {
      hint: "make it readable for you, or name another with RUNE_CONFIG",
      cause,
    });
  }
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw new RuneError("invalid_argument", `${path} is not YAML`, {
      hint: "correct it, or remove it and log in again",
    });
  }
  return parseConfig(path, value);
}

/** Replaces the file in one step; only its owner can read it. */
export async function writeConfig({ path, current, contexts }: ConfigFile): Promise<void> {
  const { stringify } = await import("yaml");
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const text = stringify({ ...(current !== undefined && { current }), contexts });
  // A name of its own: two commands may write at once, and the last one wins whole.
  await replaceFile(path, text, { aside: `${path}.${crypto.randomUUID().slice(0, 8)}` });
}

/** A context by name. @throws {UsageError} when there is none, with the nearest one as the hint. */
export function requireContext({ contexts, path }: ConfigFile, name: string): SavedContext {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found) return found;
  const near = findNearest(name, Object.keys(contexts));
  throw new UsageError(
    `there is no context "${name}" in ${path}`,
    near ? `did you mean "${near}"?` : "see rune context list, and rune login",
  );
}
