/** Secret: sensitive key-value data. Values never leave the store in plain. @module */
import { z } from "zod";
import { dataUpTo } from "./config_map.ts";
import { labelsSchema } from "./labels.ts";
import { LIMITS } from "./limits.ts";
import { isName, nameSchema, parseNameRef } from "./name.ts";
import type { Reference } from "./reference.ts";
import { type Resource, resourceSchema } from "./envelope.ts";

/** A secret as a castfile writes it. */
export const secretBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  type: z.string().max(64).optional(),
  data: dataUpTo({ keys: LIMITS.secretKeys, value: LIMITS.secretValue }),
});

/** What is kept in plain: the keys, never a value. */
export const secretSpecSchema = z.strictObject({
  type: z.string().optional(),
  keys: z.array(z.string()),
  /** Counts the values that the secret has had, from 1. */
  version: z.number().int(),
});
export const secretStatusSchema = z.object({});

export type SecretSpec = z.infer<typeof secretSpecSchema>;
export type Secret = Resource<"secret", SecretSpec, Record<string, never>>;

export const secretResource = resourceSchema("secret", {
  spec: secretSpecSchema,
  status: secretStatusSchema,
});

/** One value of one secret. */
export interface SecretKeyRef {
  namespace: string;
  name: string;
  key: string;
}

/** `name/key` or `name.namespace.rune/key`. @returns null when it is neither. */
function parseKeyRef(text: string, namespace: string): SecretKeyRef | null {
  const slash = text.indexOf("/");
  const ref = parseNameRef(text.slice(0, Math.max(slash, 0)), namespace);
  const key = text.slice(slash + 1);
  return ref && isName(ref.name) && /^[A-Za-z0-9._-]{1,253}$/.test(key) ? { ...ref, key } : null;
}

/**
 * What a storage parameter refers to (seed 001, "Secret references in parameters").
 *
 * @param namespace of the volume: where a reference without a namespace is looked up.
 * @returns undefined for a literal, null for a text that begins like a reference and is none.
 */
export function parseParameterRef(value: string, namespace: string): SecretKeyRef | null | undefined {
  return value.startsWith("secret:") ? parseKeyRef(value.slice("secret:".length), namespace) : undefined;
}

/** A text whose references `{{ secret:… }}` are filled in when it is used. */
export const SECRETS_IN_TEXT: Reference = {
  kind: "secret",
  verb: "get",
  parse: (text, namespace) => envRefs(text, namespace),
};
/** A text that is a reference `secret:…` as a whole, or is none. */
export const SECRET_AS_TEXT: Reference = {
  kind: "secret",
  verb: "get",
  parse: (text, namespace) => [parseParameterRef(text, namespace)],
};

/** One `{{ secret:… }}` of a text, from `start` to before `end`. */
interface Template {
  start: number;
  end: number;
  /** What stands after `secret:`. */
  inner: string;
}

const MARK = "secret:";

/** The templates of a text, in order, in one pass: what begins like one and is none is never read twice. */
function* templatesIn(value: string): Generator<Template> {
  const blanks = /\s*/y;
  const inside = /[^{}]*/y;
  const read = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at;
    pattern.exec(value);
    return pattern.lastIndex;
  };
  for (let start = value.indexOf("{{"); start >= 0; start = value.indexOf("{{", start)) {
    const word = read(blanks, start + 2);
    const begin = word + MARK.length;
    const end = value.startsWith(MARK, word) ? read(inside, begin) : -1;
    if (end >= 0 && value.startsWith("}}", end)) {
      yield { start, end: end + 2, inner: value.slice(begin, end).trimEnd() };
      start = end + 2;
    } else start++;
  }
}

/** The references `{{ secret:name/key }}` in the value of a variable; null for each that is malformed. */
export function envRefs(value: string, namespace: string): (SecretKeyRef | null)[] {
  return Array.from(templatesIn(value), ({ inner }) => parseKeyRef(inner, namespace));
}

/** The value with every reference replaced by what `find` returns for it. */
export function replaceEnvRefs(
  value: string,
  namespace: string,
  find: (ref: SecretKeyRef) => string,
): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, inner } of templatesIn(value)) {
    const ref = parseKeyRef(inner, namespace);
    if (!ref) continue;
    parts.push(value.slice(at, start), find(ref));
    at = end;
  }
  return [...parts, value.slice(at)].join("");
}
