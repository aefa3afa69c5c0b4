/**
 * Volumes that an image declares and that no mount of the service covers. Rune makes a volume for each
 * ordinal, named as a claim template's would be, so that a template added later continues with the same data.
 * Pure.
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { mountPathSchema, type VolumeMount } from "./mounts.ts";

/** The size of such a volume; its driver does not enforce sizes. */
export const IMAGE_VOLUME_SIZE = "1Gi";

/** The source of the volume's first content: the value of its annotation. */
const contentSchema = z.object({
  image: z.string(),
  path: z.string(),
  /** A volume of the Engine that an earlier version of Rune left to the container. */
  engineVolume: z.string().optional(),
});
/** See {@linkcode parseImageContent}. */
export type ImageContent = z.infer<typeof contentSchema>;

/** Parses the annotation of a volume that was made for an image; undefined for any other volume. */
export function parseImageContent(value: string | undefined): ImageContent | undefined {
  if (value === undefined) return undefined;
  const result = contentSchema.safeParse(JSON.parse(value));
  return result.success ? result.data : undefined;
}

/**
 * Whether a volume can be mounted at a path. Other paths (`/proc`, `/sys/fs/cgroup`) hold no data worth
 * keeping.
 */
export const isMountable = (path: string): boolean => mountPathSchema.safeParse(path).success;

/** The declared paths without a mount. A mount above a path does not cover it: the Engine mounts over it. */
export function uncoveredPaths(declared: string[], mounted: string[]): string[] {
  return declared.filter((path) => isMountable(path) && !mounted.includes(path));
}

/**
 * Names a mount after its path: `image-srv-db-data` for `/srv/db/data`. Adds a digest if the name would be
 * ambiguous or taken.
 */
function nameOf(path: string, taken: string[]): string {
  const words = path.slice(1).split("/");
  const plain = `image-${words.join("-")}`;
  if (words.every((word) => /^[a-z0-9]+$/.test(word)) && plain.length <= 40 && !taken.includes(plain)) {
    return plain;
  }
  const slug = plain.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 32).replace(/-$/, "");
  return `${slug}-${createHash("sha256").update(path).digest("hex").slice(0, 8)}`;
}

/**
 * The mount of the volume for a declared path.
 *
 * @param taken names of the service's other mounts.
 */
export function imageMount(path: string, taken: string[] = []): VolumeMount {
  return {
    name: nameOf(path, taken),
    mountPath: path,
    readOnly: false,
    subPath: "",
    claimTemplate: {
      size: IMAGE_VOLUME_SIZE,
      accessMode: "ReadWriteOnce",
      reclaimPolicy: "delete",
      parameters: {},
    },
  };
}

/** The note for a directory of the image that files of a configmap or secret hide. */
export function hiddenNote({ path, entries }: { path: string; entries: string[] }): string {
  return `what the image has in ${path} (${entries.join(", ")}) is hidden by the mount at that path; ` +
    "mount at another directory to keep it, or let an init step copy the file";
}

/** The note for an image that is built for another architecture. */
export const foreignNote = (kind: string): string =>
  `the image is built for ${kind}, which is not this machine's architecture: without an emulator its programs ` +
  'end at once with "exec format error"; use an image for this machine';

/** The mount as a castfile would write it. */
export function imageMountText({ name, mountPath }: Pick<VolumeMount, "name" | "mountPath">): string {
  return `{ name: ${name}, mountPath: ${mountPath}, claimTemplate: { size: ${IMAGE_VOLUME_SIZE}, ` +
    "accessMode: ReadWriteOnce } }";
}
