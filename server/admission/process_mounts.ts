/**
 * Checks the mounts of processes: only directories of the host, and only a daemon that runs as root can mount
 * them elsewhere.
 * @module
 */
import { join } from "node:path";
import { occupancyOf } from "../../base/occupied.ts";
import type { FieldIssue } from "../../model/error.ts";
import { ALLOWED_MOUNT_POINTS, judgeMountPoint } from "../../model/mount_points.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import type { ServiceSpec } from "../../model/service.ts";
import type { VolumeStatus } from "../../model/volume.ts";
import { directoryOf, type PlacedVolume } from "./directories.ts";
import { prefixIssues, type World } from "./world.ts";

/**
 * Checks one mount of a process service. Paths of issues are relative to the mount.
 *
 * @param options.place the mounted volume; for a template, the volume of ordinal 0.
 * @param options.classPath the field that names the class or the volume.
 */
export function checkProcessMount(
  mount: VolumeMount,
  { place, classPath, world }: {
    place: PlacedVolume & { status?: Pick<VolumeStatus, "driver"> };
    classPath: string[];
    world: World;
  },
): FieldIssue[] {
  const className = place.spec.storageClassName;
  // A volume keeps its driver when its class is deleted.
  const driver = world.state.get("storageClass", "", className ?? "")?.spec.driver ?? place.status?.driver;
  if (driver === undefined) return [];
  const capabilities = world.drivers.get(driver)?.capabilities;
  if (capabilities?.processMounts !== true) {
    const usable = [...world.drivers.values()].filter((d) => d.capabilities.processMounts)
      .map(({ name }) => name).join(" or ");
    return [{
      path: classPath,
      message: `a process service can use only ${usable} volumes; ` +
        (capabilities?.blockDevice
          ? `block-device drivers (${driver}) are rejected, and class ${className} has one`
          : `class ${className} uses the driver ${driver}`),
      hint: `use a volume whose class has the driver ${usable}, or run an image`,
    }];
  }
  const directory = directoryOf(place, world);
  if (!world.privateMounts) return checkInPlace(mount, directory);
  const source = directory === undefined ? undefined : sourceOf(mount, directory);
  return prefixIssues(
    ["mountPath"],
    checkMountPoint(mount.mountPath, { inPlace: source === mount.mountPath, world }),
  );
}

/** Checks the mount paths of secrets and configmaps in a process service. */
export function checkFileMounts(spec: ServiceSpec, world: World): FieldIssue[] {
  if (spec.process === undefined || !world.privateMounts) return [];
  return (["secretMounts", "configMounts"] as const).flatMap((field) =>
    spec[field].flatMap(({ mountPath }, i) =>
      prefixIssues([field, i, "mountPath"], checkMountPoint(mountPath, { inPlace: false, world }))
    )
  );
}

/** Checks a mount point. The runner repeats this check before it mounts. */
function checkMountPoint(
  path: string,
  { inPlace, world: { closed } }: { inPlace: boolean; world: World },
): FieldIssue[] {
  const reason = judgeMountPoint(path, { closed, occupancyOf, inPlace });
  return reason === undefined
    ? []
    : [{ path: [], message: reason, hint: `mount it ${ALLOWED_MOUNT_POINTS}; or run an image` }];
}

/** The directory that a mount shows. */
const sourceOf = ({ subPath }: VolumeMount, directory: string) =>
  join(directory, subPath).replace(/(.)\/$/, "$1");

/**
 * Checks a mount of a daemon without root, which can neither mount a directory elsewhere nor make it
 * read-only.
 */
function checkInPlace(mount: VolumeMount, directory: string | undefined): FieldIssue[] {
  const issues: FieldIssue[] = [];
  const source = directory === undefined ? undefined : sourceOf(mount, directory);
  if (source !== undefined && source !== mount.mountPath) {
    issues.push({
      path: ["mountPath"],
      message:
        `only a daemon that runs as root can mount ${source} at ${mount.mountPath}: expected ${source}`,
      hint: `set mountPath to ${source}, run the daemon as root, or run an image`,
    });
  }
  if (mount.readOnly) {
    issues.push({
      path: ["readOnly"],
      message: "only a daemon that runs as root can make a process's mount read-only",
      hint: "mount it read-write, run the daemon as root, or run an image",
    });
  }
  return issues;
}
