/** The mounts of a service: volumes, secrets and configmaps. @module */
import { z } from "zod";
import { listUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";
import { nameSchema } from "./name.ts";
import { claimRefSchema, configRefSchema, secretRefSchema } from "./reference.ts";
import { volumeSpecFields } from "./volume.ts";

/** Paths at which nothing may be mounted. */
export const BLOCKED_MOUNT_PATHS = ["/", "/etc", "/proc", "/sys", "/var/run/docker.sock"];

/** An absolute path without `.`, `..` or doubled slashes. A trailing slash is dropped. */
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

/**
 * Where a mount appears. Blocking the parents also blocks `/proc/…`, `/sys/…` and the other name of the
 * Docker socket.
 */
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

/** The path of a key's file below the mount, of plain names only. */
const itemPathSchema = subPathSchema.refine(
  (path) => path.split("/").every((part) => part !== "" && part !== "."),
  { error: "expected a relative path of plain names, such as conf.d/app.conf" },
);

const idSchema = z.number().int().min(0).max(4_294_967_294);

/** `0775`: octal digits, kept as text. */
const modeSchema = textUpTo(LIMITS.word).regex(/^0?[0-7]{3,4}$/, {
  error: "expected an octal mode such as 0775",
});

/**
 * The mode of a file, permissions only. A setuid or setgid bit would give whoever runs the file its owner's
 * rights.
 */
const fileModeSchema = textUpTo(LIMITS.word).regex(/^0{0,2}[0-7]{3}$/, {
  error: "expected permissions from 0000 to 0777: no setuid, setgid or sticky bit",
});

/**
 * The volumes that a claim makes, one for each ordinal. Their snapshot policy holds while the service exists.
 */
export const claimTemplateSchema = z.strictObject(volumeSpecFields);

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

/** Whether two paths are equal, or one contains the other. */
function collide(paths: string[]): boolean {
  const sorted = paths.map((path) => `${path}/`).sort();
  return sorted.some((path, i) => i > 0 && path.startsWith(sorted[i - 1]!));
}

const fileMountFields = {
  name: nameSchema.optional(),
  mountPath: mountPathSchema,
  /** Only these keys, with their own paths: `[{key, path}]`. Default: every key. */
  items: listUpTo(z.strictObject({ key: textUpTo(LIMITS.name), path: itemPathSchema }), LIMITS.items).min(1)
    .optional()
    .refine((items) => items === undefined || !collide(items.map((item) => item.path)), {
      error: "expected different paths, none below another",
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
