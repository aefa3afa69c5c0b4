/** What the image of a service brings beside what was cast, in words. Pure. @module */
import { hiddenNote, imageMountText } from "../spec/image_volume.ts";
import type { Instance } from "../spec/instance.ts";
import type { VolumeMount } from "../spec/mounts.ts";

/** The mounts that instances of a service have for volumes of their images, each path once. */
export function imageMountsOf(instances: Instance[]): VolumeMount[] {
  const mounts = instances.flatMap(({ status }) => status.image?.volumes ?? []);
  return [...new Map(mounts.map((mount) => [mount.mountPath, mount])).values()]
    .sort((a, b) => a.mountPath.localeCompare(b.mountPath));
}

/** `volumes image-data-web-<n>`. */
export const imageVolumeNames = (mount: VolumeMount, service: string): string =>
  `volumes ${mount.name}-${service}-<n>`;

/** What there is to know of a path that an image declares as a volume and that no mount covers. */
function imageVolumeNote(mount: VolumeMount, service: string): string {
  return `its image declares ${mount.mountPath} as a volume, and no mount covers it: what is written there is kept in ` +
    `${imageVolumeNames(mount, service)} until the service is deleted, and goes to the trash then; ` +
    `to keep it longer, add to volumes: ${imageMountText(mount)}`;
}

/** Sentences about what the instances of a service have from their image, or do not have. */
export function imageNotes(instances: Instance[], service: string): string[] {
  const hidden = instances.flatMap(({ status }) => status.image?.hidden ?? []).map(hiddenNote);
  return [...imageMountsOf(instances).map((mount) => imageVolumeNote(mount, service)), ...new Set(hidden)];
}
