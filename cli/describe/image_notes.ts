/** Describes what the image of a service adds to what was cast. Pure. @module */
import { claimedVolumePattern } from "../../model/claim_names.ts";
import {
  foreignNote,
  hiddenNote,
  imageMount,
  imageMountText,
  uncoveredPaths,
} from "../../model/image_volume.ts";
import type { ImageReport } from "../../model/api.ts";
import type { Instance } from "../../model/instance.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import type { ServiceSpec } from "../../model/service.ts";

/** The mounts that instances of a service have for volumes of their images, each path once. */
export function imageMountsOf(instances: Instance[]): VolumeMount[] {
  const mounts = instances.flatMap(({ status }) => status.image?.volumes ?? []);
  return [...new Map(mounts.map((mount) => [mount.mountPath, mount])).values()]
    .sort((a, b) => a.mountPath.localeCompare(b.mountPath));
}

/** `volumes image-data-web-<n>`. */
export const imageVolumeNames = (mount: VolumeMount, service: string): string =>
  `volumes ${claimedVolumePattern({ mount: mount.name, service })}`;

/** The note for a path that an image declares as a volume and that no mount covers. */
function imageVolumeNote(mount: VolumeMount, service: string): string {
  return `its image declares ${mount.mountPath} as a volume, and no mount covers it: Rune keeps the data in ` +
    `${imageVolumeNames(mount, service)} until the service is deleted, then moves it to the trash; ` +
    `to keep it longer, add to volumes: ${imageMountText(mount)}`;
}

/** Notes about what the instances of a service get from their image, or miss. */
export function imageNotes(instances: Instance[], service: string): string[] {
  const hidden = instances.flatMap(({ status }) => status.image?.hidden ?? []).map(hiddenNote);
  const foreign = instances.flatMap(({ status }) => status.image?.foreign ?? []).map(foreignNote);
  const volumes = imageMountsOf(instances).map((mount) => imageVolumeNote(mount, service));
  return [...volumes, ...new Set([...hidden, ...foreign])];
}

/** Notes about what a service would get from its image if it were cast. */
export function reportNotes(
  spec: ServiceSpec,
  { name, report }: { name: string; report: ImageReport },
): string[] {
  if (!report.here) {
    return [
      `image ${report.image} is not on the daemon's host: Rune can only tell what it declares after pulling it`,
    ];
  }
  const mounted = [...spec.volumes, ...spec.configMounts, ...spec.secretMounts].map(({ mountPath }) =>
    mountPath
  );
  const taken = spec.volumes.map((mount) => mount.name);
  return uncoveredPaths(report.volumes, mounted).map((path) =>
    imageVolumeNote(imageMount(path, taken), name)
  );
}
