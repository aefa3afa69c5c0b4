/**
 * Parses the runefile: YAML or TOML, with keys in three spellings and `${VAR}` in values. An unknown or
 * unsupported key is an error with its position; nothing is silently ignored.
 * @module
 */
import { parse as parseToml, TomlError } from "smol-toml";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { mergeDistinct } from "../../base/merge_distinct.ts";
import { DRIVER_KEYS } from "../../drivers/registry.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { fieldIssues, formatPath } from "../../model/field_issues.ts";
import { argumentText } from "../../model/bounded.ts";
import { absolutePathSchema } from "../../model/mounts.ts";
import { nameSchema } from "../../model/name.ts";
import { shapeIssues } from "../../model/body_shape.ts";
import { textsAsWritten } from "../../model/text_fields.ts";
import { readYamlTree } from "../../model/yaml_tree.ts";
import { yamlMistake } from "../../model/yaml_words.ts";
import { parseAddress } from "../http/address.ts";
import { grantsSection } from "../auth/grants.ts";
import { backupSection } from "../backup/section.ts";
import { registrySchema } from "../admission/registries.ts";
import { count, flag, port } from "../../model/runefile_values.ts";
import { LOG_FORMATS, LOG_LEVELS } from "./logging.ts";
import { parseTomlTexts } from "./toml_texts.ts";

const address = z.string().superRefine((text, ctx) => {
  try {
    parseAddress(text);
  } catch (error) {
    if (!(error instanceof RuneError)) throw error;
    ctx.addIssue({ code: "custom", message: `${error.message}: ${error.hint}` });
  }
});

const storageKeys = mergeDistinct([DRIVER_KEYS, { defaultStorageClass: nameSchema.optional() }], {
  what: "key of the runefile's section storage",
});

/** The schema of a runefile with canonical keys. */
export const runefileSchema = z.strictObject({
  dataDir: absolutePathSchema.optional(),
  server: z.strictObject({
    httpAddr: address.optional(),
    grpcAddr: address.optional(),
    logLevel: z.enum(LOG_LEVELS).optional(),
    logFormat: z.enum(LOG_FORMATS).optional(),
  }).prefault({}),
  storage: z.strictObject(storageKeys).prefault({}),
  auth: z.strictObject({
    enabled: flag.optional(),
    allowRemoteAdmin: flag.optional(),
    tls: z.strictObject({ cert: absolutePathSchema, key: absolutePathSchema }).optional(),
  }).prefault({}),
  crypto: z.strictObject({
    kek: z.strictObject({
      source: z.enum(["generated", "file", "env"]).default("generated"),
      /** Only with `source: file`. */
      file: absolutePathSchema.optional(),
      /** Only with `source: env`: the name of the variable. */
      env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "expected the name of a variable" })
        .optional(),
    }).superRefine(({ source, file, env }, ctx) => {
      if (source === "file" && file === undefined) {
        ctx.addIssue({ code: "custom", path: ["file"], message: "required with source: file" });
      }
      if (source !== "file" && file !== undefined) {
        ctx.addIssue({ code: "custom", path: ["file"], message: "requires source: file" });
      }
      if (source !== "env" && env !== undefined) {
        ctx.addIssue({ code: "custom", path: ["env"], message: "requires source: env" });
      }
    }).prefault({}),
    secretLimits: z.strictObject({
      keys: count.optional(),
      valueBytes: count.optional(),
    }).prefault({}),
  }).prefault({}),
  expose: z.strictObject({
    httpPort: port.optional(),
    httpsPort: port.optional(),
    acmeEmail: z.email({ error: "expected an e-mail address" }).optional(),
    caddy: absolutePathSchema.optional(),
  }).prefault({}),
  docker: z.strictObject({
    socket: absolutePathSchema.optional(),
    registries: z.array(registrySchema).default([]),
  }).prefault({}),
  backup: backupSection.prefault({}),
  grants: grantsSection.default({}),
  node: z.strictObject({
    name: z.string().min(1).max(253).optional(),
    installation: z.string().max(253).regex(/^[A-Za-z0-9._-]+$/, {
      error: "expected letters, digits, '.', '_' and '-'",
    }).optional(),
    labels: z.record(z.string().min(1).max(253), argumentText).default({}),
  }).prefault({}),
});

/** The settings in a runefile, without defaults. */
export type Runefile = z.output<typeof runefileSchema>;

type Path = (string | number)[];

/** `http-addr` and `http_addr` → `httpAddr`. */
const canonizeKey = (key: string) => key.replace(/[-_]([a-zA-Z0-9])/g, (_, letter) => letter.toUpperCase());

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** Reads one file in steps, and collects issues with the keys as the file spells them. */
class Reader {
  readonly issues: FieldIssue[] = [];
  /** Canonical path → path as written. */
  readonly #written = new Map<string, Path>();

  /** Gives keys their canonical spelling, except the user's own keys in `node.labels` and `grants`. */
  canonize(table: Record<string, unknown>, path: Path = [], writtenPath: Path = []): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [written, value] of Object.entries(table)) {
      // The keys of `grants` are names of namespaces.
      const key = formatPath(path) === "grants" ? written : canonizeKey(written);
      const at = [...path, key];
      const writtenAt = [...writtenPath, written];
      this.#written.set(formatPath(at), writtenAt);
      if (Object.hasOwn(result, key)) this.fail(at, `"${key}" is written twice, in two spellings`);
      const descend = isTable(value) && formatPath(at) !== "node.labels";
      result[key] = descend
        ? this.canonize(value, at, writtenAt)
        : Array.isArray(value)
        ? value.map((item, i) => isTable(item) ? this.canonize(item, [...at, i], [...writtenAt, i]) : item)
        : value;
    }
    return result;
  }

  /** Expands `${VAR}` in every text. It happens after parsing, so a value cannot become syntax. */
  expand(value: unknown, path: Path, env: (name: string) => string | undefined): unknown {
    if (typeof value === "string") {
      return value.replace(/\$\$|\$\{([^}]{0,256})\}/g, (text, name?: string) => {
        if (text === "$$") return "$";
        const found = env(name!);
        if (found === undefined) {
          this.fail(path, `the environment has no variable ${name}`, "set it, or write $$ for a $");
        }
        return found ?? "";
      });
    }
    if (Array.isArray(value)) return value.map((item, i) => this.expand(item, [...path, i], env));
    if (!isTable(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.expand(item, [...path, key], env)]),
    );
  }

  fail(path: Path, message: string, hint?: string): void {
    this.issues.push({ path, message, ...(hint !== undefined && { hint }) });
  }

  /** The path as the file spells it. */
  toWrittenPath(path: Path): Path {
    for (let length = path.length; length > 0; length--) {
      const known = this.#written.get(formatPath(path.slice(0, length)));
      if (known) return [...known, ...path.slice(length)];
    }
    return path;
  }
}

/** A parsed file, with the positions of its keys if the parser provides them. */
interface Source {
  value: unknown;
  /** The value, with the original texts of numbers, dates and booleans. */
  texts: unknown;
  locate(path: Path): { line: number; column: number } | undefined;
}

function runefileError(file: string, issues: FieldIssue[]): RuneError {
  const { line, column, path, message, hint } = issues[0]!;
  const place = line === undefined ? file : `${file}:${line}:${column}`;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  const field = path.length === 0 ? "" : `${formatPath(path)}: `;
  return new RuneError("invalid_argument", `${place}: ${field}${message}${more}`, {
    hint: hint ?? "correct the runefile",
    issues,
  });
}

function readYaml(text: string, file: string): Source {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: false, version: "1.2" });
  const position = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col };
  };
  const [error] = document.errors;
  if (error) {
    throw runefileError(file, [{ path: [], ...yamlMistake(error), file, ...position(error.pos[0]) }]);
  }
  const tree = readYamlTree(document, lineCounter);
  if (tree.problems.length > 0) {
    throw runefileError(file, tree.problems.map((problem) => ({ path: [], file, ...problem })));
  }
  return {
    value: tree.value ?? {},
    texts: tree.texts ?? {},
    locate(path) {
      const inList = path.findIndex((part) => typeof part === "number");
      return tree.locate(inList < 0 ? path : path.slice(0, inList), { key: true });
    },
  };
}

function readToml(text: string, file: string): Source {
  try {
    const value = parseToml(text, { integersAsBigInt: "asNeeded" });
    return { value, texts: parseTomlTexts(text), locate: () => undefined };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const message = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    throw runefileError(file, [{ path: [], message, file, line: error.line, column: error.column }]);
  }
}

/**
 * Parses the text of a runefile.
 *
 * @param options `file` is its name; `.toml` means TOML, anything else YAML. `env` looks up variables.
 * @throws {RuneError} `invalid_argument` with every issue and, in YAML, its position.
 */
export function parseRunefile(
  text: string,
  { file, env }: { file: string; env: (name: string) => string | undefined },
): Runefile {
  const source = file.endsWith(".toml") ? readToml(text, file) : readYaml(text, file);
  if (!isTable(source.value)) {
    throw runefileError(file, [{
      path: [],
      message: "expected a map with sections such as server and storage",
      file,
    }]);
  }
  const misshapen = shapeIssues(source.value, z.any());
  if (misshapen.length > 0) {
    throw runefileError(file, misshapen.map((issue) => ({ ...issue, file, ...source.locate(issue.path) })));
  }
  const reader = new Reader();
  const expanded = reader.expand(reader.canonize(source.value), [], env) as Record<string, unknown>;
  const texts = new Reader().canonize(source.texts as Record<string, unknown>);
  const body = textsAsWritten(expanded, runefileSchema, { texts });
  const result = runefileSchema.safeParse(body);
  const unset = new Set(reader.issues.map(({ path }) => formatPath(path)));
  const issues = [
    ...reader.issues,
    // A field without a value because of a missing variable needs no second issue.
    ...(result.success ? [] : fieldIssues(result.error, { schema: runefileSchema, body }))
      .filter(({ path }) => !unset.has(formatPath(path))),
  ].map((issue) => {
    const path = reader.toWrittenPath(issue.path);
    return { ...issue, path, file, ...source.locate(path) };
  }).sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  if (issues.length > 0 || !result.success) throw runefileError(file, issues);
  return result.data;
}
