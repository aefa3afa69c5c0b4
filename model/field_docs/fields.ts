/**
 * Lists the fields of a schema for the reference pages: path, type, default. The tables in this folder say
 * what each field is for; docs/decisions/0059 says why they stand there.
 * @module
 */
import type { z } from "zod";
import { bytesSchema, cpuSchema } from "../quantity.ts";
import { nameRefSchema, nameSchema } from "../name.ts";
import { imageSchema } from "../image_reference.ts";
import { defOf, formsOf } from "../schema_parts.ts";

/** What the reference says about a field beyond its schema. */
export interface FieldDoc {
  /** What the field does, in one or two sentences. */
  means: string;
  /** The form of its text, if the schema only knows that it is a text. */
  form?: string;
  unit?: string;
  /** The value when it is left out, if that is not a constant of the schema. */
  default?: string;
  /** The only runner that supports it; absent if both do. */
  runner?: "containers" | "processes";
  /** YAML, as written after `key:`. */
  example: string;
}

/** Docs of the fields of one schema, by path: `ports[].port`. */
export type FieldDocs = Readonly<Record<string, FieldDoc>>;

/** One field of a schema. */
export interface Field {
  /** From the top of the body: `volumes[].claim.name`. */
  path: string;
  schema: z.ZodType;
  type: string;
  /** `required`, the default as YAML writes it, or undefined if the field is optional. */
  default: string | undefined;
  /** The field with the same inner fields, which are listed only there. */
  sameAs?: string;
}

/** Schemas with a name of their own in the reference. */
const WORDS = new Map<z.ZodType, string>([
  [nameSchema, "name"],
  [nameRefSchema, "name, or `name.namespace.rune`"],
  [bytesSchema, "size"],
  [cpuSchema, "CPU amount"],
  [imageSchema, "image"],
]);

/** A schema and those that it wraps, outermost first. */
function* layersOf(schema: z.ZodType): Generator<z.ZodType> {
  for (let at: z.ZodType | undefined = schema; at;) {
    yield at;
    const { parent } = at._zod as { parent?: z.ZodType };
    if (parent) yield parent;
    const def = defOf(at);
    at = def.innerType ?? (def.type === "pipe" ? def.in : undefined);
  }
}

const code = (value: unknown) => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

/** A schema's type in words. */
function typeOf(schema: z.ZodType): string {
  for (const layer of layersOf(schema)) {
    const word = WORDS.get(layer);
    if (word !== undefined) return word;
  }
  return [...new Set(formsOf(schema).map(typeOfForm))].join(", or ");
}

function typeOfForm(form: z.ZodType): string {
  const def = defOf(form) as ReturnType<typeof defOf> & {
    entries?: Record<string, string>;
    values?: unknown[];
  };
  switch (def.type) {
    case "enum":
      return Object.values(def.entries!).map(code).join(", ");
    case "literal":
      return def.values!.map(code).join(", ");
    case "boolean":
      return "`true`, `false`";
    case "number": {
      const { minValue, maxValue } = form as z.ZodNumber;
      return `number, ${minValue} to ${maxValue?.toLocaleString("en")}`;
    }
    case "array": {
      const inner = typeOf(def.element!);
      return inner === "map" ? "list" : `list of ${inner}s`;
    }
    case "record":
      return "map of texts";
    case "object":
      return "map";
    default:
      return "text";
  }
}

function defaultOf(schema: z.ZodType): string | undefined {
  for (const layer of layersOf(schema)) {
    const def = defOf(layer) as ReturnType<typeof defOf> & { defaultValue?: unknown };
    if (def.type === "default" || def.type === "prefault") {
      const value = def.defaultValue;
      const empty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
      return empty || value === "" ? undefined : code(value);
    }
    if (def.type === "optional") return undefined;
  }
  return "required";
}

/** The fields of a schema and of everything nested in it, in schema order. */
export function listFields(schema: z.ZodType): Field[] {
  const fields = new Map<string, Field>();
  const first = new Map<z.ZodType, string>();
  const walk = (part: z.ZodType, prefix: string): void => {
    for (const form of formsOf(part)) {
      const { type, shape, element } = defOf(form);
      if (type === "array" && element) walk(element, `${prefix}[]`);
      for (const [key, inner] of Object.entries(shape ?? {})) {
        const path = prefix === "" ? key : `${prefix}.${key}`;
        const known = fields.get(path);
        const type = typeOf(inner);
        if (known) {
          // Another form of the same map: http, tcp and exec checks each have a `type`.
          if (!known.type.includes(type)) known.type += `, ${type}`;
          continue;
        }
        const found: Field = { path, schema: inner, type, default: defaultOf(inner) };
        fields.set(path, found);
        const [shared] = formsOf(inner).filter((f) => defOf(f).type === "object");
        const sameAs = shared && first.get(shared);
        if (sameAs !== undefined) found.sameAs = sameAs;
        else {
          if (shared) first.set(shared, path);
          walk(inner, path);
        }
      }
    }
  };
  walk(schema, "");
  return [...fields.values()];
}
