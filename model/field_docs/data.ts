/** Docs of namespaces, configmaps and secrets. @module */
import type { FieldDocs } from "./fields.ts";
import { NAME_DOCS, NAMESPACE_DOCS } from "./resource.ts";

/** Of the kind namespace. */
export const NAMESPACE_KIND_DOCS: FieldDocs = NAME_DOCS;

/** For the kind `configmap`. */
export const CONFIG_MAP_DOCS: FieldDocs = {
  ...NAMESPACE_DOCS,
  data: {
    means: "Texts by key. A key holds letters, digits, `.`, `_` and `-`. At most 1,024 keys of 1 MiB.",
    example: "{ LOG_LEVEL: info }",
  },
  "data[].key": { means: "A key, where `data` is a list.", example: "LOG_LEVEL" },
  "data[].value": { means: "Its text.", example: "info" },
};

/** Of the kind secret. */
export const SECRET_DOCS: FieldDocs = {
  ...NAMESPACE_DOCS,
  type: { means: "A word of your own. Rune does nothing with it.", form: "text", example: "opaque" },
  data: {
    means:
      "Values by key, which Rune encrypts and never shows. At most 64 keys of 64 KiB, unless the runefile says otherwise.",
    example: "{ password: s3cret }",
  },
  "data[].key": { means: "A key, where `data` is a list.", example: "password" },
  "data[].value": { means: "Its value.", example: "s3cret" },
};
