/**
 * Volumes that an image declares and that no mount of the service covers. Rune gives each ordinal a volume of its own for them,
 * named as a claim template's would be: whoever writes that template later goes on with the same data. Pure.
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { mountPathSchema, type VolumeMount } from "./mounts.ts";

/** What the volume is given as its size; its driver does not enforce it. */
export const IMAGE_VOLUME_SIZE = "1Gi";

/** Where the first content of such a volume is: the value of its annotation. */
const contentSchema = z.object({
  image: z.string(),
  path: z.string(),
  /** A volume of the Engine's own that an earlier version of Rune let a container have. */
  engineVolume: z.string().optional(),
});
/** See {@linkcode parseImageContent}. */
export type ImageContent = z.infer<typeof contentSchema>;

/** Reads the annotation of a volume that was made for an image; undefined for another one. */
export function parseImageContent(value: string | undefined): ImageContent | undefined {
  if (value === undefined) return undefined;
  const result = contentSchema.safeParse(JSON.parse(value));
  return result.success ? result.data : undefined;
}

/** Whether a volume can be mounted there; what cannot (`/proc`, `/sys/fs/cgroup`) holds no data of anybody's. */
export const isMountable = (path: string): boolean => mountPathSchema.safeParse(path).success;

/** The declared paths at which nothing is mounted: a mount above one does not cover it, the Engine mounts over that. */
export function uncoveredPaths(declared: string[], mounted: string[]): string[] {
  return declared.filter((path) => isMountable(path) && !mounted.includes(path));
}

/** `image-srv-db-data` for `/srv/db/data`; with a digest where the path cannot be told from the name, or it is taken. */
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
 * The mount by which an instance has the volume for a declared path.
 *
 * @param taken names that mounts of the service have, for other paths.
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

/** What there is to know of a directory of the image that files of a configmap or secret are mounted on. */
export function hiddenNote({ path, entries }: { path: string; entries: string[] }): string {
  return `what the image has in ${path} (${entries.join(", ")}) is hidden by what is mounted there; ` +
    "mount at a directory of its own to keep it, or let an init step copy the file";
}

/** What there is to know of an image for another kind of processor. */
export const foreignNote = (kind: string): string =>
  `the image is for processors of the kind ${kind}, and this machine has another one: without an emulator its programs ` +
  'end at once with "exec format error"; use an image for this machine';

/** The mount as a castfile would write it. */
export function imageMountText({ name, mountPath }: Pick<VolumeMount, "name" | "mountPath">): string {
  return `{ name: ${name}, mountPath: ${mountPath}, claimTemplate: { size: ${IMAGE_VOLUME_SIZE}, ` +
    "accessMode: ReadWriteOnce } }";
}
