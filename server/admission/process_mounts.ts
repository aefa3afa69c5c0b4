/** What a process may mount: directories of the host that exist as such, and only root can show them elsewhere. @module */
import { join } from "node:path";
import { occupancyOf } from "../../base/occupied.ts";
import type { FieldIssue } from "../../model/error.ts";
import { ALLOWED_MOUNT_POINTS, judgeMountPoint } from "../../model/mount_points.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import type { ServiceSpec } from "../../model/service.ts";
import { directoryOf, type Place } from "./directories.ts";
import { prefixIssues, type World } from "./world.ts";

/**
 * Judges one mount of a process service; paths are relative to the mount.
 *
 * @param options.place the volume that is mounted: that of ordinal 0 for a template.
 * @param options.classPath where the mount names its class or volume.
 */
export function checkProcessMount(
  mount: VolumeMount,
  { place, classPath, world }: { place: Place; classPath: string[]; world: World },
): FieldIssue[] {
  const className = place.spec.storageClassName;
  const driver = world.state.get("storageClass", "", className ?? "")?.spec.driver;
  if (driver === undefined) return [];
  if (world.drivers.get(driver)?.capabilities.processMounts !== true) {
    const usable = [...world.drivers.values()].filter((d) => d.capabilities.processMounts)
      .map(({ name }) => name).join(" or ");
    return [{
      path: classPath,
      message:
        `a process service can use ${usable} volumes only; class ${className} uses the driver ${driver}`,
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

/** Judges where the files of secrets and configmaps appear in a process service. */
export function checkFileMounts(spec: ServiceSpec, world: World): FieldIssue[] {
  if (spec.process === undefined || !world.privateMounts) return [];
  return (["secretMounts", "configMounts"] as const).flatMap((field) =>
    spec[field].flatMap(({ mountPath }, i) =>
      prefixIssues([field, i, "mountPath"], checkMountPoint(mountPath, { inPlace: false, world }))
    )
  );
}

/** The runner judges the same again, before it acts. */
function checkMountPoint(
  path: string,
  { inPlace, world: { closed } }: { inPlace: boolean; world: World },
): FieldIssue[] {
  const reason = judgeMountPoint(path, { closed, occupancyOf, inPlace });
  return reason === undefined
    ? []
    : [{ path: [], message: reason, hint: `mount it ${ALLOWED_MOUNT_POINTS}; or run an image` }];
}

/** What of a volume's directory a mount shows. */
const sourceOf = ({ subPath }: VolumeMount, directory: string) =>
  join(directory, subPath).replace(/(.)\/$/, "$1");

/** Without root a process sees the host's directories as they are: nothing can be shown elsewhere, or be read-only. */
function checkInPlace(mount: VolumeMount, directory: string | undefined): FieldIssue[] {
  const issues: FieldIssue[] = [];
  const source = directory === undefined ? undefined : sourceOf(mount, directory);
  if (source !== undefined && source !== mount.mountPath) {
    issues.push({
      path: ["mountPath"],
      message: `a daemon that is not root cannot show ${source} at ${mount.mountPath}: expected ${source}`,
      hint: `set mountPath to ${source}, run the daemon as root, or run an image`,
    });
  }
  if (mount.readOnly) {
    issues.push({
      path: ["readOnly"],
      message: "a daemon that is not root cannot make a process's mount read-only",
      hint: "mount it read-write, run the daemon as root, or run an image",
    });
  }
  return issues;
}
