/**
 * References: fields of a declaration that name another resource, and the right that naming it requires. The
 * right is part of the field's schema, so walking schema and value finds everything that a declaration uses.
 * A field that names something but declares no right fails a test (reference_test.ts).
 * @module
 */
import { z } from "zod";
import type { Verb } from "./identity.ts";
import { type NameRef, nameRefSchema, nameSchema, parseNameRef } from "./name.ts";
import type { Kind } from "./kinds.ts";
import { defOf } from "./schema_parts.ts";

/** What a field refers to. */
export interface Reference {
  /** The kind that it names. */
  kind: Kind;
  /**
   * The right that it requires on its target, or a function that derives it from the objects around the
   * field, outermost first. `none` for a resource outside namespaces that is free to anyone who may write the
   * field.
   */
  verb: Verb | "none" | ((around: readonly Record<string, unknown>[]) => Verb);
  /**
   * The sibling field that names the namespace. Default: the namespace in the text, or the declaration's own.
   */
  namespaceFrom?: string;
  /**
   * Parses the text; by default as `name` or `name.namespace.rune`. Returns null or undefined if it is not a
   * reference.
   */
  parse?(text: string, namespace: string): (NameRef | null | undefined)[];
}

/** A resource that a declaration uses, and the right that it needs. */
export interface Reach {
  kind: Kind;
  verb: Verb;
  namespace: string;
}

const REFERENCES = z.registry<Reference>();

/** Marks a text schema as a reference. Use the result as it is: further checks would drop the mark. */
export function refers<S extends z.ZodType>(schema: S, reference: Reference): S {
  const own = schema.clone();
  REFERENCES.add(own, reference);
  return own;
}

/** The reference that a schema is marked with. */
export function referenceOf(schema: z.ZodType): Reference | undefined {
  return REFERENCES.get(schema);
}

/** A part of a schema, and how to reach it from its parent. */
export interface Part {
  schema: z.ZodType;
  /**
   * The field's name, `*` for elements and values, `<key>` for the keys of a map; absent for another form of
   * the same value.
   */
  key?: string;
}

/** The direct parts of a schema. For a transformation, its input: that has the field names. */
export function partsOf(schema: z.ZodType): Part[] {
  const { type, shape, element, keyType, valueType, options, innerType, in: read } = defOf(schema);
  switch (type) {
    case "object":
      return Object.entries(shape!).map(([key, field]) => ({ schema: field, key }));
    case "array":
      return [{ schema: element!, key: "*" }];
    case "record":
      return [{ schema: keyType!, key: "<key>" }, { schema: valueType!, key: "*" }];
    case "union":
      return options!.map((option) => ({ schema: option }));
    case "pipe":
      return [{ schema: read! }];
    default:
      return innerType ? [{ schema: innerType }] : [];
  }
}

/** A resource that a value names. */
export interface Named extends NameRef {
  kind: Kind;
  /** The object that names it. */
  beside: Readonly<Record<string, unknown>> | undefined;
}

/** Every resource that a checked value names, with repetitions. */
export function findNamed(schema: z.ZodType, value: unknown, namespace: string): Named[] {
  const found: Named[] = [];
  walkReferences(schema, value, ({ kind, namespaceFrom, parse }, { text, around }) => {
    const beside = around.at(-1);
    for (const ref of refsOf({ namespaceFrom, parse }, { text, namespace, beside })) {
      found.push({ kind, ...ref, beside });
    }
  });
  return found;
}

/** Everything that a checked value refers to, including in its own namespace. */
export function findReaches(schema: z.ZodType, value: unknown, namespace: string): Reach[] {
  const found = new Map<string, Reach>();
  walkReferences(schema, value, (reference, { text, around }) => {
    for (const reach of reachesOf(reference, text, { namespace, around })) {
      found.set(JSON.stringify(reach), reach);
    }
  });
  return [...found.values()];
}

/**
 * Walks schema and value together and visits each reference. @param visit receives the objects around it,
 * outermost first.
 */
function walkReferences(
  schema: z.ZodType,
  value: unknown,
  visit: (reference: Reference, at: { text: string; around: readonly Record<string, unknown>[] }) => void,
): void {
  const walk = (part: z.ZodType, at: unknown, around: readonly Record<string, unknown>[]): void => {
    if (at === undefined || at === null) return;
    const reference = referenceOf(part);
    if (reference) return visit(reference, { text: String(at), around });
    const isObject = typeof at === "object" && !Array.isArray(at);
    const within = isObject ? [...around, at as Record<string, unknown>] : around;
    for (const { schema: inner, key } of partsOf(part)) {
      if (key === undefined) walk(inner, at, around);
      else if (typeof at !== "object") continue;
      else if (key === "<key>") { for (const name of Object.keys(at)) walk(inner, name, within); }
      else if (key === "*") { for (const item of Object.values(at)) walk(inner, item, within); }
      else if (Object.hasOwn(at, key)) walk(inner, (at as Record<string, unknown>)[key], within);
    }
  };
  walk(schema, value, []);
}

/** The resources that one text names. */
function refsOf(
  { namespaceFrom, parse }: Pick<Reference, "namespaceFrom" | "parse">,
  { text, namespace, beside }: {
    text: string;
    namespace: string;
    beside: Readonly<Record<string, unknown>> | undefined;
  },
): NameRef[] {
  const elsewhere = namespaceFrom === undefined ? undefined : beside?.[namespaceFrom];
  const home = typeof elsewhere === "string" ? elsewhere : namespace;
  const refs = parse ? parse(text, home) : [parseNameRef(text, home)];
  return refs.filter((ref) => ref !== null && ref !== undefined);
}

function reachesOf(
  { kind, verb, ...reference }: Reference,
  text: string,
  { namespace, around }: { namespace: string; around: readonly Record<string, unknown>[] },
): Reach[] {
  if (verb === "none") return [];
  const asked = typeof verb === "function" ? verb(around) : verb;
  return refsOf(reference, { text, namespace, beside: around.at(-1) })
    .map((ref) => ({ kind, verb: asked, namespace: ref.namespace }));
}

/** A secret, for its values. */
export const secretRefSchema = refers(nameRefSchema, { kind: "secret", verb: "get" });
/** A configmap, for its values. */
export const configRefSchema = refers(nameRefSchema, { kind: "configmap", verb: "get" });
/** A service to wait for and to reach over the network. A sibling field may name its namespace. */
export const dependencyRefSchema = refers(nameRefSchema, {
  kind: "service",
  verb: "get",
  namespaceFrom: "namespace",
});
/** A volume to mount, in a mount's `claim`. Writing it requires more rights than reading it. */
export const claimRefSchema = refers(nameRefSchema, {
  kind: "volume",
  verb: (around) => around.at(-2)?.readOnly === true ? "get" : "update",
});
/** A volume to copy, in the declaration's own namespace. */
export const sourceVolumeSchema = refers(nameSchema, { kind: "volume", verb: "get" });
/** A snapshot to take data from. A sibling field may name its namespace. */
export const sourceSnapshotSchema = refers(nameSchema, {
  kind: "snapshot",
  verb: "get",
  namespaceFrom: "namespace",
});
/** A storage class: outside namespaces, made by administrators for everyone who may create volumes. */
export const classRefSchema = refers(nameSchema, { kind: "storageClass", verb: "none" });
