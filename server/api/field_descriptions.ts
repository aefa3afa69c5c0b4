/** Puts what the reference says of each field into the schemas of the OpenAPI document. @module */
import type { FieldDocs } from "../../model/field_docs/fields.ts";

/** As much of a JSON schema as is walked. */
export interface JsonSchema {
  description?: string;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
}

/** Gives every field below `schema` its description. @param path of the schema: empty for a body. */
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
