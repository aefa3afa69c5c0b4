/**
 * Turns zod's issues into {@linkcode FieldIssue}s that say what was expected and what the author probably
 * meant.
 * @module
 */
import type { z } from "zod";
import type { FieldIssue } from "./error.ts";
import { listToWrite } from "./command_words.ts";
import { defOf, formsOf, schemasAt } from "./schema_parts.ts";
import { didYouMean, makeSuggestion } from "./suggest.ts";

type Path = (string | number)[];

/** The field names that may stand at `path`. */
export function knownKeys(schema: z.ZodType, path: Path): string[] {
  const keys = schemasAt(schema, path).flatMap((s) => Object.keys(defOf(s).shape ?? {}));
  return [...new Set(keys)];
}

function valueAt(body: unknown, path: Path): unknown {
  let value = body;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** Describes a value in words: `a list`, `a number`, `nothing`. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "string") return value.length <= 40 ? `"${value}"` : "a long text";
  return String(value);
}

const TYPE_WORDS: Record<string, string> = {
  object: "a map",
  record: "a map",
  array: "a list",
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** The unit that a limit counts, by the kind of value: singular and plural. */
const UNITS: Record<string, [string, string]> = {
  string: [" character", " characters"],
  array: [" entry", " entries"],
};

/** What to write instead of a null, list or map where another kind of value is expected. */
function whatToWrite(found: unknown, wanted: z.ZodType[]): string | undefined {
  const types = wanted.map((form) => defOf(form).type);
  const text = wanted.find((form) => defOf(form).type === "string");
  if (found === null) {
    const empty = text?.safeParse("").success
      ? '""'
      : types.includes("array")
      ? "[]"
      : types.some((type) => type === "object" || type === "record")
      ? "{}"
      : undefined;
    return empty === undefined
      ? "write a value, or leave it out"
      : `write ${empty} for an empty one, or leave it out`;
  }
  if (typeof found === "string") {
    const list = isWordList(wanted) ? listToWrite(found) : undefined;
    return list === undefined
      ? hintWithoutQuotes(found, types) ?? mapToWrite(found, wanted)
      : `write a list, ${list}`;
  }
  if (typeof found === "number") return mapToWrite(found, wanted);
  if (typeof found !== "object") return undefined;
  if (text && types.length === 1) return "write one text; put it in quotes where it begins with [ or {";
  const isPairs = Array.isArray(found) &&
    found.every((item) => typeof item === "string" && item.includes("="));
  return isPairs && types.includes("record")
    ? "write a line `NAME: value` for each instead of `- NAME=value`"
    : undefined;
}

/** A value that needs no quotes in a map of YAML. */
const BARE = /^[\w./@-]{1,40}$/;

/** The map to write instead of a value that is meant for one of its fields: `{ limit: 64Mi }` for `64Mi`. */
function mapToWrite(found: string | number, wanted: z.ZodType[]): string | undefined {
  if (!BARE.test(String(found))) return undefined;
  const fields = wanted.flatMap((form) => Object.entries(defOf(form).shape ?? {}));
  const takers = fields.filter(([, schema]) => schema.safeParse(found).success);
  const required = takers.filter(([, schema]) => !schema.safeParse(undefined).success);
  const keys = (required.length > 0 ? required : takers).map(([key]) => key);
  if (keys.length === 0 || keys.length > 2) return undefined;
  return `write ${keys.map((key) => `{ ${key}: ${found} }`).join(" or ")}`;
}

/** Whether a list of texts is expected. */
const isWordList = (wanted: z.ZodType[]) =>
  wanted.some((form) => {
    const { element } = defOf(form);
    return element !== undefined && formsOf(element).some((inner) => defOf(inner).type === "string");
  });

/** What to write for a number or boolean in quotes, or spelled as in another format. */
function hintWithoutQuotes(found: string, types: string[]): string | undefined {
  if (types.includes("number") && /^-?\d{1,15}$/.test(found)) return `write ${found} without quotes`;
  if (!types.includes("boolean")) return undefined;
  if (/^(true|yes|on|y)$/i.test(found)) return "write true, without quotes";
  if (/^(false|no|off|n)$/i.test(found)) return "write false, without quotes";
}

interface Context {
  schema: z.ZodType;
  body: unknown;
}

/**
 * Whether a branch of a union is for another form of value (a text where a map was found), and so was not
 * meant.
 */
function isOtherForm(branch: z.core.$ZodIssue[], found: unknown): boolean {
  return branch.some(({ path, code }) =>
    path.length === 0 && (code === "invalid_type" || (code === "invalid_value" && typeof found === "object"))
  );
}

function notOneOf(values: string[], { path, found }: { path: Path; found: unknown }): FieldIssue {
  const expected = values.length === 1 ? values[0] : `one of ${values.join(", ")}`;
  return {
    path,
    message: found === undefined
      ? `required: expected ${expected}`
      : `expected ${expected}, found ${describe(found)}`,
    hint: typeof found === "string" ? makeSuggestion(found, values) : undefined,
  };
}

function convert(issue: z.core.$ZodIssue, base: Path, context: Context): FieldIssue[] {
  const path = [...base, ...issue.path as Path];
  const found = valueAt(context.body, path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.slice(0, MAX_ISSUES).map((key) => ({
        path: [...path, key],
        message: `unknown field "${key.length <= 80 ? key : `${key.slice(0, 80)}…`}"`,
        hint: didYouMean(key, knownKeys(context.schema, path)),
      }));
    case "invalid_value":
      return [notOneOf(issue.values.map(String), { path, found })];
    case "invalid_type": {
      const expected = TYPE_WORDS[issue.expected] ?? issue.expected;
      if (found === undefined) return [{ path, message: `required: expected ${expected}` }];
      return [{
        path,
        message: issue.message.startsWith("Invalid input")
          ? `expected ${expected}, found ${describe(found)}`
          : issue.message,
        hint: whatToWrite(found, schemasAt(context.schema, path)),
      }];
    }
    case "invalid_union": {
      // This field says which form is meant.
      const { options } = issue as { options?: unknown[] };
      if (options) return [notOneOf(options.map(String), { path, found })];
      if (!issue.message.startsWith("Invalid input")) return [{ path, message: issue.message }];
      const branch =
        [...issue.errors].sort((a, b) =>
          Number(isOtherForm(a, found)) - Number(isOtherForm(b, found)) || a.length - b.length
        )[0];
      if (branch && branch.length > 0) return branch.flatMap((inner) => convert(inner, path, context));
      return [{ path, message: `expected another form, found ${describe(found)}` }];
    }
    case "invalid_key":
    case "invalid_element":
      return issue.issues.flatMap((inner) => convert(inner, path, context));
    case "too_big":
    case "too_small": {
      const relation = issue.code === "too_big" ? "at most" : "at least";
      const limit = issue.code === "too_big" ? issue.maximum : issue.minimum;
      const [one, many] = UNITS[issue.origin] ?? ["", ""];
      const unit = Number(limit) === 1 ? one : many;
      return [{ path, message: `expected ${relation} ${limit}${unit}, found ${describe(found)}` }];
    }
    default: {
      const missing = found === undefined && issue.code !== "custom";
      return [{ path, message: missing ? `required: ${issue.message}` : issue.message }];
    }
  }
}

/** The most issues reported for one value: more would not help the sender, and the answer stays small. */
const MAX_ISSUES = 100;

/** The first issues of a failed parse of `body` against `schema`, in field order. */
export function fieldIssues(error: z.ZodError, context: Context): FieldIssue[] {
  const issues: FieldIssue[] = [];
  for (const issue of error.issues) {
    for (const found of convert(issue, [], context)) {
      if (issues.length === MAX_ISSUES) return issues;
      if (found.hint === undefined) delete found.hint;
      issues.push(found);
    }
  }
  return issues;
}

/** A path as people write it: `volumes[0].claim.name`. The empty path is the resource itself. */
export function formatPath(path: Path): string {
  return path.map((part, i) => typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`).join("");
}
