/** Docs of every castable kind. @module */
import type { CastKind } from "../declared.ts";
import { CONFIG_MAP_DOCS, NAMESPACE_KIND_DOCS, SECRET_DOCS } from "./data.ts";
import type { FieldDocs } from "./fields.ts";
import { SERVICE_DOCS } from "./service.ts";
import { SNAPSHOT_DOCS, STORAGE_CLASS_DOCS, VOLUME_DOCS } from "./volume.ts";

/** By kind. A check of docs/reference/ compares each with its schema. */
export const FIELD_DOCS: Record<CastKind, FieldDocs> = {
  namespace: NAMESPACE_KIND_DOCS,
  storageClass: STORAGE_CLASS_DOCS,
  secret: SECRET_DOCS,
  configmap: CONFIG_MAP_DOCS,
  volume: VOLUME_DOCS,
  snapshot: SNAPSHOT_DOCS,
  service: SERVICE_DOCS,
};
