/**
 * Checks the mounts of processes: only directories of the host, and only a daemon that runs as root can mount
 * them elsewhere.
 * @module
 */
import { join } from "node:path";
import { occupancyOf } from "../../base/occupied.ts";
import type { FieldIssue } from "../../model/error.ts";
import { runnerOf } from "../../model/instance.ts";
import { ALLOWED_MOUNT_POINTS, judgeMountPoint } from "../../model/mount_points.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import { parseNameRef } from "../../model/name.ts";
import { describeKey } from "../../model/resource.ts";
import type { ServiceSpec } from "../../model/service.ts";
import type { VolumeStatus } from "../../model/volume.ts";
import { nameTo } from "../auth/visibility.ts";
import { directoryOf, type PlacedVolume } from "./directories.ts";
import { prefixIssues, type World } from "./world.ts";

type Placed = PlacedVolume & { status?: Pick<VolumeStatus, "driver"> };

/** The driver of a volume. It stays the volume's when its class is deleted. */
const driverOf = ({ spec, status }: Placed, { state }: World): string | undefined =>
  state.get("storageClass", "", spec.storageClassName ?? "")?.spec.driver ?? status?.driver;

/** Says why no process can mount a volume; undefined if its driver allows it. */
function whyNoProcess(place: Placed, world: World): Omit<FieldIssue, "path"> | undefined {
  const driver = driverOf(place, world);
  const capabilities = world.drivers.get(driver ?? "")?.capabilities;
  if (driver === undefined || capabilities?.processMounts === true) return undefined;
  const usable = [...world.drivers.values()].filter((d) => d.capabilities.processMounts)
    .map(({ name }) => name).join(" or ");
  const className = place.spec.storageClassName;
  return {
    message: `a process service can use only ${usable} volumes; ` +
      (capabilities?.blockDevice
        ? `block-device drivers (${driver}) are rejected, and class ${className} has one`
        : `class ${className} uses the driver ${driver}`),
    hint: `use a volume whose class has the driver ${usable}, or run an image`,
  };
}

/** Checks a new volume that a process service waits for: a service may be cast before its volume. */
export function checkWaitingProcesses(volume: PlacedVolume, world: World): FieldIssue[] {
  const reason = whyNoProcess(volume, world);
  if (!reason) return [];
  const waiting = world.state.list("service").find((service) =>
    runnerOf(service.spec) === "process" && !world.later?.has(describeKey(service)) &&
    service.spec.volumes.some(({ claim }) => {
      const ref = claim && parseNameRef(claim.name, service.namespace);
      return ref?.namespace === volume.namespace && ref.name === volume.name;
    })
  );
  if (!waiting) return [];
  const message = `${nameTo(world.viewer, "service", waiting)} claims it: ${reason.message}`;
  return [{ ...reason, path: ["storageClassName"], message }];
}

/**
 * Checks one mount of a process service. Paths of issues are relative to the mount.
 *
 * @param options.place the mounted volume; for a template, the volume of ordinal 0.
 * @param options.classPath the field that names the class or the volume.
 */
export function checkProcessMount(
  mount: VolumeMount,
  { place, classPath, world }: { place: Placed; classPath: string[]; world: World },
): FieldIssue[] {
  if (driverOf(place, world) === undefined) return [];
  const reason = whyNoProcess(place, world);
  if (reason) return [{ ...reason, path: classPath }];
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
