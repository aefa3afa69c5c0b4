/** Reads the fields of a zod schema from its definition (zod 4, `_zod.def`). @module */
import type { z } from "zod";

/** The parts of a definition that the walk needs. */
export interface Def {
  type: string;
  shape?: Record<string, z.ZodType>;
  innerType?: z.ZodType;
  element?: z.ZodType;
  keyType?: z.ZodType;
  valueType?: z.ZodType;
  in?: z.ZodType;
  options?: z.ZodType[];
}

/** The definition of a schema. */
export const defOf = (schema: z.ZodType) => schema._zod.def as unknown as Def;

const forms = new WeakMap<z.ZodType, z.ZodType[]>();

function findForms(schema: z.ZodType): z.ZodType[] {
  const def = defOf(schema);
  if (def.innerType) return formsOf(def.innerType);
  if (def.type === "pipe" && def.in) return formsOf(def.in);
  if (def.type === "union") return (def.options ?? []).flatMap(formsOf);
  return [schema];
}

/**
 * The forms in which a value may be written: the schema without wrappers (optional, default, transform,
 * union).
 */
export function formsOf(schema: z.ZodType): z.ZodType[] {
  let known = forms.get(schema);
  if (!known) forms.set(schema, known = findForms(schema));
  return known;
}

/**
 * The most characters or entries that a schema itself allows (`max`, `maxProperties`); undefined if it has no
 * bound.
 */
export function greatestSize(schema: z.ZodType): number | undefined {
  if (defOf(schema).type === "record") return schema.meta()?.maxProperties as number | undefined;
  const checks = (schema._zod.def.checks ?? []).map((check) =>
    check._zod.def as { check: string; maximum?: number }
  );
  return checks.find(({ check }) => check === "max_length")?.maximum;
}

/** Every form that may stand at `path`. */
export function schemasAt(schema: z.ZodType, path: (string | number)[]): z.ZodType[] {
  let found = formsOf(schema);
  for (const part of path) {
    found = found.flatMap((form) => {
      const def = defOf(form);
      const next = def.shape && Object.hasOwn(def.shape, part)
        ? def.shape[part]
        : typeof part === "number"
        ? def.element
        : def.valueType;
      return next ? formsOf(next) : [];
    });
  }
  return found;
}
