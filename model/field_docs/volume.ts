/** Docs of volumes, storage classes and snapshots. @module */
import type { FieldDocs } from "./fields.ts";
import { NAME_DOCS, NAMESPACE_DOCS, snapshotPolicyDocs } from "./resource.ts";

/** For a volume, and for a claim template at `prefix`. */
export const volumeDocs = (prefix: string): FieldDocs => ({
  [`${prefix}storageClassName`]: {
    means: "The storage class. It cannot change once the volume exists.",
    default: "the default class",
    example: "fast",
  },
  [`${prefix}size`]: {
    means:
      "How much room the volume asks for. It may grow where the driver can grow volumes, and never shrinks. Neither `local` nor `local-host` enforces it.",
    unit: "bytes; `Ki`, `Mi`, `Gi`, `k`, `M`, `G` …",
    example: "10Gi",
  },
  [`${prefix}accessMode`]: {
    means: "Who may mount the volume at the same time. It cannot change.",
    example: "ReadWriteOnce",
  },
  [`${prefix}reclaimPolicy`]: {
    means: "What becomes of the data when the volume is deleted: it stays where it is, or goes to the trash.",
    default: "the class's",
    example: "delete",
  },
  [`${prefix}parameters`]: {
    means:
      "Settings of the driver, on top of the class's. A value may be `secret:<name>/<key>`. They cannot change, except secrets and `acceptFilesystem`.",
    example: "{ hostPath: /srv/data }",
  },
  [`${prefix}snapshotPolicy`]: {
    means: "How often Rune takes a snapshot by itself. `none` switches the class's policy off.",
    default: "the class's",
    example: "{ every: 1h, keep: 24 }",
  },
  ...snapshotPolicyDocs(`${prefix}snapshotPolicy`),
});

/** For the kind `volume`. */
export const VOLUME_DOCS: FieldDocs = {
  ...NAMESPACE_DOCS,
  ...volumeDocs(""),
  source: {
    means: "What the volume begins with. It cannot change; leaving it out later changes nothing.",
    default: "an empty volume",
    example: "{ snapshot: before-upgrade }",
  },
  "source.snapshot": { means: "The snapshot whose data the volume gets.", example: "before-upgrade" },
  "source.namespace": {
    means: "The snapshot's namespace.",
    default: "the volume's",
    example: "prod",
  },
};

/** For the kind `storageClass`. */
export const STORAGE_CLASS_DOCS: FieldDocs = {
  ...NAME_DOCS,
  driver: {
    means: "The driver that makes the volumes of this class: `local` or `local-host`.",
    form: "name of a driver",
    example: "local",
  },
  parameters: {
    means: "Settings of the driver, for every volume of the class. A volume's own come on top.",
    example: '{ acceptFilesystem: "true" }',
  },
  reclaimPolicy: { means: "For volumes that name none.", example: "delete" },
  default: {
    means: "Whether volumes that name no class get this one. Rune takes the mark from the class that had it.",
    example: "true",
  },
  allowedTopologies: {
    means: "On which nodes volumes may be made. One entry of the list must match the node's labels.",
    default: "every node",
    example: "[{ matchLabels: { disk: ssd } }]",
  },
  "allowedTopologies[].matchLabels": {
    means: "Labels that the node must have, all of them.",
    example: "{ disk: ssd }",
  },
  "allowedTopologies[].matchExpressions": {
    means: "Conditions that the node's labels must meet, all of them.",
    example: "[{ key: zone, operator: In, values: [a, b] }]",
  },
  "allowedTopologies[].matchExpressions[].key": { means: "The label.", example: "zone" },
  "allowedTopologies[].matchExpressions[].operator": {
    means: "`In` and `NotIn` compare with `values`; `Exists` and `DoesNotExist` take none.",
    example: "In",
  },
  "allowedTopologies[].matchExpressions[].values": {
    means: "What the label is compared with.",
    example: "[a, b]",
  },
  snapshotPolicy: {
    means: "For volumes that have no policy of their own.",
    default: "no snapshots by themselves",
    example: "{ every: 1d, keep: 7 }",
  },
  ...snapshotPolicyDocs("snapshotPolicy"),
};

/** For the kind `snapshot`. */
export const SNAPSHOT_DOCS: FieldDocs = {
  ...NAMESPACE_DOCS,
  source: { means: "What is copied. It cannot change.", example: "{ volume: web-data }" },
  "source.volume": { means: "The volume, in the snapshot's namespace.", example: "web-data" },
  pause: {
    means: "Whether Rune pauses those who write the volume while it copies. It cannot change.",
    default: "`true`",
    example: "false",
  },
};
