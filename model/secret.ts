/** Secret: sensitive key-value data. Values never leave the store in plain text. @module */
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

/** The part stored in plain text: the keys, never a value. */
export const secretSpecSchema = z.strictObject({
  type: z.string().optional(),
  keys: z.array(z.string()),
  /** The version of the values, counted from 1. */
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

/** Parses `name/key` or `name.namespace.rune/key`. @returns null if it is neither. */
function parseKeyRef(text: string, namespace: string): SecretKeyRef | null {
  const slash = text.indexOf("/");
  const ref = parseNameRef(text.slice(0, Math.max(slash, 0)), namespace);
  const key = text.slice(slash + 1);
  return ref && isName(ref.name) && /^[A-Za-z0-9._-]{1,253}$/.test(key) ? { ...ref, key } : null;
}

/**
 * Parses the reference in a storage parameter.
 *
 * @param namespace the volume's, for references that do not name one.
 * @returns undefined for a literal, null for a malformed reference.
 */
export function parseParameterRef(value: string, namespace: string): SecretKeyRef | null | undefined {
  return value.startsWith("secret:") ? parseKeyRef(value.slice("secret:".length), namespace) : undefined;
}

/** A text with references `{{ secret:… }}`, which are replaced when the text is used. */
export const SECRETS_IN_TEXT: Reference = {
  kind: "secret",
  verb: "get",
  parse: (text, namespace) => envRefs(text, namespace),
};
/** A text that is either one whole reference `secret:…`, or none. */
export const SECRET_AS_TEXT: Reference = {
  kind: "secret",
  verb: "get",
  parse: (text, namespace) => [parseParameterRef(text, namespace)],
};

/** One `{{ secret:… }}` in a text, from `start` up to `end`. */
interface Template {
  start: number;
  end: number;
  /** The text after `secret:`. */
  inner: string;
}

const MARK = "secret:";

/** The references of a text, in order, in one pass that reads malformed ones only once. */
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

/** The references `{{ secret:name/key }}` in the value of a variable; null for each malformed one. */
export function envRefs(value: string, namespace: string): (SecretKeyRef | null)[] {
  return Array.from(templatesIn(value), ({ inner }) => parseKeyRef(inner, namespace));
}

/** The value with every reference replaced by the result of `find`. */
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
