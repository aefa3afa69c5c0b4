/** Copies the description of each field from the reference into the OpenAPI document. @module */
import type { FieldDocs } from "../../model/field_docs/fields.ts";

/** The part of a JSON schema that is walked. */
export interface JsonSchema {
  description?: string;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
}

/** Sets the description of every field below `schema`. @param path the path of `schema`; empty for a body. */
export function describeFields(schema: JsonSchema, docs: FieldDocs, path = ""): void {
  for (const form of [...schema.anyOf ?? [], ...schema.oneOf ?? [], ...schema.allOf ?? []]) {
    describeFields(form, docs, path);
  }
  if (schema.items) describeFields(schema.items, docs, `${path}[]`);
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    const at = path === "" ? key : `${path}.${key}`;
    if (docs[at]) field.description = docs[at].means;
    describeFields(field, docs, at);
  }
}
