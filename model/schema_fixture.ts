/** For tests that walk a schema: every nested schema, with the path of its values. @module */
import type { z } from "zod";
import { defOf } from "./schema_parts.ts";

/** A schema inside another. */
export interface SchemaNode {
  /** `*` stands for any key of a map, `0` for any entry of a list. */
  path: string[];
  schema: z.ZodType;
  /** Further checks of a value here: the steps of a pipe, the inside of an optional. */
  wraps: z.ZodType[];
}

/** Every schema in `schema`, itself first. Pure transformations are followed from input to output. */
export function* nodesOf(schema: z.ZodType, path: string[] = []): Generator<SchemaNode> {
  const def = defOf(schema) as ReturnType<typeof defOf> & { out?: z.ZodType };
  const wraps = [def.innerType, def.in, def.out, ...def.options ?? []].filter((inner) => inner !== undefined);
  yield { path, schema, wraps };
  for (const inner of wraps) yield* nodesOf(inner, path);
  for (const [key, inner] of Object.entries(def.shape ?? {})) yield* nodesOf(inner, [...path, key]);
  if (def.element) yield* nodesOf(def.element, [...path, "0"]);
  if (def.keyType) yield* nodesOf(def.keyType, [...path, "(key)"]);
  if (def.valueType) yield* nodesOf(def.valueType, [...path, "*"]);
}
