/**
 * For tests that walk every text field of every kind: how to write a body with a text in that field, and
 * texts that files and parsers read as something else.
 * @module
 */
import type { z } from "zod";
import { BODIES, type CastKind } from "./declared.ts";
import { partsOf } from "./reference.ts";
import { defOf } from "./schema_parts.ts";

/** Texts that YAML or JSON reads as something else, or writes differently. */
export const TEXTS = [
  ..."0427 1.10 90071992547409931 5308e64 0x1F 0o17 1e3 -0 +5 .5 5. 1_000 007 3.0 1E5".split(" "),
  ..."true True TRUE false False yes no on off Null_ 2026-01-01 22:22 .inf -.INF .nan 1.1.1".split(" "),
];
/** Those of them that are valid JSON. */
export const JSON_TEXTS = TEXTS.filter((text) => {
  try {
    return typeof JSON.parse(text) !== "string";
  } catch {
    return false;
  }
});

/** One text field: how to write a body with a text there, and the path where the text ends up. */
export interface Field {
  kind: CastKind;
  path: (string | number)[];
  write(text: string): string;
  /** Whether the text is the key of a map's entry. */
  isKey?: true;
}

/** Every place in a schema that takes a text. */
function* fieldsOf(kind: CastKind, schema: z.ZodType, at: Omit<Field, "kind">): Generator<Field> {
  if (defOf(schema).type === "string") yield { kind, ...at };
  for (const { schema: inner, key } of partsOf(schema)) {
    const [path, write] = [at.path, at.write];
    if (key === undefined) yield* fieldsOf(kind, inner, at);
    else if (key === "<key>") {
      yield* fieldsOf(kind, inner, {
        path,
        write: (text) => write(`{ ${text}: "1" }`),
        isKey: true,
      });
    } else if (key === "*" && defOf(schema).type === "array") {
      yield* fieldsOf(kind, inner, { path: [...path, 0], write: (text) => write(`[ ${text} ]`) });
    } else {
      const name = key === "*" ? "some" : key;
      yield* fieldsOf(kind, inner, {
        path: [...path, name],
        write: (text) => write(`{ "${name}": ${text} }`),
      });
    }
  }
}

/** Every text field of every kind. */
export const FIELDS = (Object.keys(BODIES) as CastKind[]).flatMap((kind) => [
  ...fieldsOf(kind, BODIES[kind], { path: [], write: (text) => text }),
]);

/** The value at a path; undefined if there is none. */
export function valueAt(value: unknown, path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, part) => typeof at === "object" && at !== null ? (at as Record<string, unknown>)[part] : undefined,
    value,
  );
}
