/** What a service mounts: volumes, secrets and configmaps (seed 001 "Service volumes[]", seed 003). @module */
import { z } from "zod";
import { LIMITS, listUpTo, textUpTo } from "./limits.ts";
import { nameSchema } from "./name.ts";
import { claimRefSchema, classRefSchema, configRefSchema, secretRefSchema } from "./reference.ts";
import { bytesSchema } from "./quantity.ts";
import { ownSnapshotPolicySchema } from "./snapshot_policy.ts";
import { parametersSchema, reclaimPolicySchema } from "./storage_class.ts";
import { accessModeSchema } from "./volume.ts";

/** Paths that nothing may be mounted on (seed 001). */
export const BLOCKED_MOUNT_PATHS = ["/", "/etc", "/proc", "/sys", "/var/run/docker.sock"];

/** An absolute path without `.`, `..` or doubled slashes; a trailing slash is dropped. */
export const absolutePathSchema = textUpTo(LIMITS.path)
  .refine(
    (path) =>
      path.startsWith("/") && !path.includes("\0") &&
      path.split("/").slice(1).every((part, i, all) =>
        part !== "." && part !== ".." && (part !== "" || i === all.length - 1)
      ),
    { error: "expected an absolute path without '.' or '..'" },
  )
  .transform((path) => path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path);

/** Where a mount appears. `/proc/…`, `/sys/…` and the Docker socket's other name are blocked with their parents. */
export const mountPathSchema = absolutePathSchema.refine(
  (path) =>
    !BLOCKED_MOUNT_PATHS.includes(path) && path !== "/run/docker.sock" && !/^\/(proc|sys)\//.test(path),
  { error: `this path is reserved; blocked: ${BLOCKED_MOUNT_PATHS.join(", ")}` },
);

/** A relative path that stays inside the volume. */
const subPathSchema = textUpTo(LIMITS.path).refine(
  (path) => !path.startsWith("/") && !path.includes("\0") && !path.split("/").includes(".."),
  { error: "expected a relative path that stays inside the volume (no '..', not absolute)" },
);

/** Where a key's file lies below the mount: plain directories and a name. */
const itemPathSchema = subPathSchema.refine(
  (path) => path.split("/").every((part) => part !== "" && part !== "."),
  { error: "expected a relative path of plain names, such as conf.d/app.conf" },
);

const idSchema = z.number().int().min(0).max(4_294_967_294);

/** `0775`: octal digits, read as the text that they are. */
const modeSchema = textUpTo(LIMITS.word).regex(/^0?[0-7]{3,4}$/, {
  error: "expected an octal mode such as 0775",
});

/** Mode of a file: permissions alone. With a setuid or setgid bit it would give whoever runs it the rights of its owner. */
const fileModeSchema = textUpTo(LIMITS.word).regex(/^0{0,2}[0-7]{3}$/, {
  error: "expected permissions from 0000 to 0777: no setuid, setgid or sticky bit",
});

export const claimTemplateSchema = z.strictObject({
  storageClassName: classRefSchema.optional(),
  size: bytesSchema,
  accessMode: accessModeSchema,
  reclaimPolicy: reclaimPolicySchema.optional(),
  parameters: parametersSchema.default({}),
  /** Of the volumes that it makes, while its service exists; the class's when omitted. */
  snapshotPolicy: ownSnapshotPolicySchema.optional(),
});

export const volumeMountSchema = z.strictObject({
  name: nameSchema,
  mountPath: mountPathSchema,
  readOnly: z.boolean().default(false),
  subPath: subPathSchema.default(""),
  fsUser: idSchema.optional(),
  fsGroup: idSchema.optional(),
  fsMode: modeSchema.optional(),
  claim: z.strictObject({ name: claimRefSchema }).optional(),
  claimTemplate: claimTemplateSchema.optional(),
}).superRefine((mount, ctx) => {
  if (mount.claim && mount.claimTemplate) {
    ctx.addIssue({
      code: "custom",
      path: ["claimTemplate"],
      message: "expected exactly one of claim and claimTemplate, found both",
    });
  } else if (!mount.claim && !mount.claimTemplate) {
    ctx.addIssue({
      code: "custom",
      message: "expected exactly one of claim and claimTemplate, found neither",
    });
  }
});
export type VolumeMount = z.infer<typeof volumeMountSchema>;

/** Whether two paths are the same, or one would have to be a directory for the other. */
function collide(paths: string[]): boolean {
  const sorted = paths.map((path) => `${path}/`).sort();
  return sorted.some((path, i) => i > 0 && path.startsWith(sorted[i - 1]!));
}

const fileMountFields = {
  name: nameSchema.optional(),
  mountPath: mountPathSchema,
  /** Only these keys, under other paths: `[{key, path}]`; all keys when omitted. */
  items: listUpTo(z.strictObject({ key: textUpTo(LIMITS.name), path: itemPathSchema }), LIMITS.items).min(1)
    .optional()
    .refine((items) => items === undefined || !collide(items.map((item) => item.path)), {
      error: "expected paths that differ, none of which lies below another",
    }),
  user: idSchema.optional(),
  group: idSchema.optional(),
  mode: fileModeSchema.optional(),
};

export const secretMountSchema = z.strictObject({ ...fileMountFields, secretName: secretRefSchema });
export const configMountSchema = z.strictObject({
  ...fileMountFields,
  configName: configRefSchema.optional(),
  configmapName: configRefSchema.optional(),
}).transform(({ configmapName, configName, ...rest }, ctx) => {
  const name = configName ?? configmapName;
  if (name === undefined || (configName !== undefined && configmapName !== undefined)) {
    ctx.addIssue({ code: "custom", message: "expected exactly one of configName and configmapName" });
    return z.NEVER;
  }
  return { ...rest, configName: name };
});

export const envFromSchema = z.strictObject({
  secretName: secretRefSchema.optional(),
  configName: configRefSchema.optional(),
  configmapName: configRefSchema.optional(),
  prefix: textUpTo(LIMITS.variableName).default(""),
}).transform(({ configmapName, configName, secretName, prefix }, ctx) => {
  const given = [secretName, configName, configmapName].filter((n) => n !== undefined);
  if (given.length !== 1) {
    ctx.addIssue({ code: "custom", message: "expected exactly one of secretName and configName" });
    return z.NEVER;
  }
  return secretName !== undefined
    ? { secretName, prefix }
    : { configName: (configName ?? configmapName)!, prefix };
});

export type EnvSource = z.infer<typeof envFromSchema>;
