/** Docs of the fields that several kinds share. @module */
import type { FieldDocs } from "./fields.ts";

/** For every kind. */
export const NAME_DOCS: FieldDocs = {
  name: {
    means:
      "Identifies the resource among those of its kind. Lower-case letters, digits and `-`, at most 63 characters.",
    example: "web",
  },
  labels: {
    means: "Your own marks, for `--selector`. At most 64; keys up to 253 characters, values up to 256.",
    example: "{ app: shop, tier: front }",
  },
};

/** For every namespaced kind. */
export const NAMESPACE_DOCS: FieldDocs = {
  ...NAME_DOCS,
  namespace: {
    means: "The namespace of the resource. Rune makes the namespace when it does not exist.",
    default: "`-n` of the command, else `default`",
    example: "prod",
  },
};

/** For a snapshot policy at `path`. */
export const snapshotPolicyDocs = (path: string): FieldDocs => ({
  [`${path}.every`]: {
    means: "The time from one snapshot to the next. Its writers are paused for each.",
    form: "duration, `1m` to `366d`",
    example: "1h",
  },
  [`${path}.keep`]: {
    means: "How many snapshots of the policy stay. Rune removes older ones when a newer one is Ready.",
    unit: "snapshots",
    example: "24",
  },
});
