/**
 * `--from-literal` and `--from-file`: the data of a configmap or secret from flags, files and standard input.
 * @module
 */
import { basename, join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { dataKeySchema } from "../../model/config_map.ts";
import { RuneError } from "../../model/error.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/** See the module comment. */
export interface DataFlags {
  fromLiteral: string[];
  fromFile: string[];
}

const collect = (value: string, before: string[]) => [...before, value];

/** Adds the flags. */
export function addDataFlags(command: CommandUnknownOpts): void {
  command
    .option("--from-literal <key=value>", "a key and its value; may be repeated", collect, [])
    .option(
      "--from-file <[key=]path>",
      "a text file, with its name as the default key; key=- reads standard input; a directory adds each file in it; may be repeated",
      collect,
      [],
    );
}

/** Splits `key=rest`; the key is undefined if there is none. */
function split(text: string): { key?: string; rest: string } {
  const at = text.indexOf("=");
  return at < 0 ? { rest: text } : { key: text.slice(0, at), rest: text.slice(at + 1) };
}

function decode(bytes: Uint8Array, from: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(
      `${from} is not text in UTF-8`,
      "encode it, for example with base64; values are texts",
    );
  }
}

/** The daemon refuses larger values too. */
const MAX_STDIN = 8 * 1024 * 1024;

async function readStdin(stdin: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    size += chunk.length;
    if (size > MAX_STDIN) throw new RuneError("payload_too_large", "standard input is larger than 8 MiB");
    chunks.push(chunk);
  }
  return decode(new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()), "standard input");
}

async function filesOf(argument: string): Promise<[key: string, path: string][]> {
  const { key, rest: path } = split(argument);
  try {
    if (!(await Deno.stat(path)).isDirectory) return [[key ?? basename(path), path]];
    if (key !== undefined) {
      throw new UsageError(`${path} is a directory, so it cannot have a key`, `write --from-file ${path}`);
    }
    const entries = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
    const files = await Promise.all(
      entries.map(async (name) => (await Deno.stat(join(path, name))).isFile ? [name] : []),
    );
    return files.flat().map((name) => [name, join(path, name)]);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new UsageError(`${path} does not exist`, "check the path");
    }
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`, "check its permissions");
  }
}

/**
 * Reads the data that the flags describe.
 *
 * @param stdin read for `--from-file key=-`.
 * @throws {UsageError} for an unreadable source, or for a duplicate key.
 */
export async function readDataFlags(
  { fromLiteral, fromFile }: DataFlags,
  stdin: ReadableStream<Uint8Array>,
): Promise<Record<string, string>> {
  const data = new Map<string, string>();
  const add = (key: string, value: string) => {
    const checked = dataKeySchema.safeParse(key);
    if (!checked.success) {
      throw new UsageError(
        `"${key}" is not a valid key: ${checked.error.issues[0]!.message}`,
        "use another key",
      );
    }
    if (data.has(key)) throw new UsageError(`duplicate key "${key}"`, "remove one of them");
    data.set(key, value);
  };
  for (const literal of fromLiteral) {
    const { key, rest } = split(literal);
    if (!key) throw new UsageError(`"${literal}" is not key=value`, "write --from-literal LOG_LEVEL=info");
    add(key, rest);
  }
  const fromStdin = fromFile.filter((argument) => split(argument).rest === "-");
  if (fromStdin.length > 1) throw new UsageError("standard input can be read only once", "use - only once");
  for (const argument of fromFile) {
    const { key, rest } = split(argument);
    if (rest === "-") {
      if (!key) {
        throw new UsageError("standard input needs a key", "write --from-file password=-");
      }
      add(key, await readStdin(stdin));
      continue;
    }
    for (const [key, path] of await filesOf(argument)) add(key, decode(await Deno.readFile(path), path));
  }
  return Object.fromEntries(data);
}
