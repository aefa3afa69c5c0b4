/** Reads castfiles from files, directories, globs, standard input and `https://` addresses. @module */
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { RuneError } from "../../model/error.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/** The text of one source, and its name in errors. */
export interface SourceText {
  file: string;
  text: string;
}

/** How to read sources. */
export interface SourceOptions {
  /** Whether to descend into directories. */
  recursive: boolean;
  /** Standard input, for `-`. */
  stdin: ReadableStream<Uint8Array>;
}

const EXTENSIONS = /\.(ya?ml|json)$/i;
/** The largest text, in bytes; the daemon would refuse larger ones too. */
const MAX_BYTES = 8 * 1024 * 1024;
const FETCH_TIMEOUT_MS = 30_000;

async function readAll(stream: ReadableStream<Uint8Array>, file: string): Promise<string> {
  // Decoding strictly: otherwise invalid UTF-8 would silently become other characters.
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk?: Uint8Array<ArrayBuffer>) => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch (cause) {
      throw new RuneError("invalid_argument", `${file} is not text in UTF-8`, {
        hint: "save it in UTF-8",
        cause,
      });
    }
  };
  let text = "";
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new RuneError("payload_too_large", `${file} is larger than 8 MiB`);
    text += decode(chunk as Uint8Array<ArrayBuffer>);
  }
  return text + decode();
}

async function fetchText(url: string): Promise<string> {
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  } catch (cause) {
    throw new RuneError("unavailable", `cannot fetch ${url}`, {
      hint: "check the address and the network",
      cause,
    });
  }
  if (!response.ok || !response.body || !response.url.startsWith("https://")) {
    await response.body?.cancel();
    const why = response.ok ? "it redirects away from https" : `the server answered ${response.status}`;
    throw new RuneError("unavailable", `cannot fetch ${url}: ${why}`, { hint: "open it in a browser" });
  }
  return await readAll(response.body, url);
}

/** Explains a filesystem error in words. */
function readFailure(path: string, error: unknown): unknown {
  if (error instanceof Deno.errors.NotFound) {
    return new UsageError(
      `${path} does not exist`,
      "check the path; quote a pattern such as 'apps/**/*.yaml'",
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new RuneError("permission_denied", `${path} is not readable by this user`, { cause: error });
  }
  return error;
}

async function filesIn(directory: string, recursive: boolean): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    const path = join(directory, entry.name);
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory) {
      if (recursive) files.push(...await filesIn(path, true));
    } else if (EXTENSIONS.test(entry.name)) files.push(path);
  }
  return files;
}

/** The files that one argument names, in order. */
async function expand(argument: string, recursive: boolean): Promise<string[]> {
  const stat = await Deno.stat(argument).catch((error) => {
    if (/[*?[{]/.test(argument) && error instanceof Deno.errors.NotFound) return undefined;
    throw readFailure(argument, error);
  });
  if (!stat) {
    const found: string[] = [];
    for await (const path of glob(argument)) {
      if ((await Deno.stat(path)).isFile) found.push(path);
    }
    if (found.length === 0) throw new UsageError(`no file matches ${argument}`, "check the pattern");
    return found.sort();
  }
  if (!stat.isDirectory) return [argument];
  const files = (await filesIn(argument, recursive)).sort();
  if (files.length === 0) {
    throw new UsageError(
      `${argument} contains no castfile (.yaml, .yml, .json)`,
      recursive ? "choose another directory" : "use -r to include its subdirectories",
    );
  }
  return files;
}

/**
 * Reads every source that the arguments name, each file once.
 *
 * @throws {UsageError} for an argument that matches nothing.
 * @throws {RuneError} `unavailable` for an address that cannot be fetched, `payload_too_large` over 8 MiB.
 */
export async function readSources(args: string[], options: SourceOptions): Promise<SourceText[]> {
  const sources: SourceText[] = [];
  const seen = new Set<string>();
  for (const argument of args) {
    if (seen.has(argument)) continue;
    if (argument === "-") {
      seen.add(argument);
      sources.push({ file: "stdin", text: await readAll(options.stdin, "standard input") });
    } else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(argument)) {
      seen.add(argument);
      if (!argument.startsWith("https://")) {
        throw new UsageError(`${argument} is not an https address`, "only https:// addresses are supported");
      }
      sources.push({ file: argument, text: await fetchText(argument) });
    } else {
      for (const path of await expand(argument, options.recursive)) {
        const real = await Deno.realPath(path).catch((error) => Promise.reject(readFailure(path, error)));
        if (seen.has(real)) continue;
        seen.add(real);
        const file = await Deno.open(path).catch((error) => Promise.reject(readFailure(path, error)));
        sources.push({ file: path, text: await readAll(file.readable, path) });
      }
    }
  }
  return sources;
}
