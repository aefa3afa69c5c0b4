/** Docs of a service's mounts. @module */
import type { FieldDocs } from "./fields.ts";
import { volumeDocs } from "./volume.ts";

/** For `secretMounts` and `configMounts`. */
const fileMountDocs = (prefix: string, mode: string): FieldDocs => ({
  [`${prefix}.name`]: { means: "A name of your own. Rune does nothing with it.", example: "conf" },
  [`${prefix}.mountPath`]: {
    means: "The directory, read-only. It hides what the image has there.",
    form: "absolute path",
    example: "/etc/app",
  },
  [`${prefix}.items`]: {
    means: "Only these keys, each as a file of its own path.",
    default: "every key, as a file of its name",
    example: "[{ key: app.conf, path: conf.d/app.conf }]",
  },
  [`${prefix}.items[].key`]: { means: "The key.", form: "text", example: "app.conf" },
  [`${prefix}.items[].path`]: {
    means: "Where its file lies below `mountPath`.",
    form: "relative path",
    example: "conf.d/app.conf",
  },
  [`${prefix}.user`]: {
    means: "The owner of the files.",
    default: "the user that the program runs as",
    example: "1000",
  },
  [`${prefix}.group`]: {
    means: "The group of the files.",
    default: "the group that the program runs as",
    example: "1000",
  },
  [`${prefix}.mode`]: {
    means: "The permissions of the files.",
    form: "octal, `0000` to `0777`",
    default: `\`${mode}\``,
    example: "0440",
  },
});

/** For `volumes`, `secretMounts` and `configMounts`. */
export const MOUNT_DOCS: FieldDocs = {
  secretMounts: {
    means: "Secrets that the service sees as files.",
    example: "[{ secretName: db, mountPath: /run/secrets/db }]",
  },
  "secretMounts[].secretName": { means: "The secret.", example: "db" },
  ...fileMountDocs("secretMounts[]", "0400"),
  configMounts: {
    means: "Configmaps that the service sees as files.",
    example: "[{ configName: app, mountPath: /etc/app }]",
  },
  "configMounts[].configName": { means: "The configmap.", example: "app" },
  "configMounts[].configmapName": { means: "Another spelling of `configName`.", example: "app" },
  ...fileMountDocs("configMounts[]", "0444"),
  volumes: {
    means: "Volumes that the service mounts. See [Storage](../storage.md#mounts-of-a-service).",
    example: "[{ name: data, mountPath: /data, claim: { name: web-data } }]",
  },
  "volumes[].name": {
    means: "Names the mount in the service. The volumes of a `claimTemplate` have it in their names.",
    example: "data",
  },
  "volumes[].mountPath": {
    means:
      "Where the instance sees the volume. Not `/`, `/etc`, `/var/run/docker.sock`, nor anything in `/proc` and `/sys`.",
    form: "absolute path",
    example: "/var/lib/web",
  },
  "volumes[].readOnly": {
    means: "Whether the instance can only read. Any number of instances may read one volume.",
    example: "true",
  },
  "volumes[].subPath": {
    means: "A directory inside the volume, mounted in its place. Rune makes it when it is missing.",
    form: "relative path",
    default: "the whole volume",
    example: "web/pages",
  },
  "volumes[].fsUser": {
    means: "The owner of the volume's root, and of nothing inside it.",
    default: "of an empty volume, the user that the program runs as",
    example: "1000",
  },
  "volumes[].fsGroup": {
    means: "The group of the volume's root.",
    default: "as for `fsUser`",
    example: "1000",
  },
  "volumes[].fsMode": {
    means: "The mode of the volume's root.",
    form: "octal",
    default: "as it is",
    example: "0775",
  },
  "volumes[].claim": {
    means: "A volume that exists, or is cast. A mount has `claim` or `claimTemplate`, never both.",
    example: "{ name: web-data }",
  },
  "volumes[].claim.name": { means: "The volume.", example: "web-data" },
  "volumes[].claimTemplate": {
    means: "A volume for each instance, which Rune makes: `<mount>-<service>-<ordinal>`.",
    example: "{ size: 10Gi, accessMode: ReadWriteOnce }",
  },
  ...volumeDocs("volumes[].claimTemplate."),
};
