/**
 * Ensures that no two volumes share a directory of the host, or lie one inside the other: each could have its
 * own writer.
 * @module
 */
import type { FieldIssue } from "../../model/error.ts";
import { isName } from "../../model/name.ts";
import { parseBytes } from "../../model/quantity.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import { maySee, nameTo } from "../auth/visibility.ts";
import type { World } from "./world.ts";

/** The fields of a volume that decide its directory. */
export interface PlacedVolume {
  namespace: string;
  name: string;
  spec: VolumeSpec;
}

/** The directory of a volume that exists or is about to, if it is known without touching the host. */
export function directoryOf(
  { namespace, name, spec }: PlacedVolume,
  { state, drivers }: World,
): string | undefined {
  // An invalid name is refused elsewhere.
  if (!isName(name)) return undefined;
  const storageClass = state.get("storageClass", "", spec.storageClassName ?? "");
  return drivers.get(storageClass?.spec.driver ?? "")?.directory?.({
    namespace,
    name,
    sizeBytes: parseBytes(spec.size),
    accessMode: spec.accessMode,
    parameters: { ...storageClass?.spec.parameters, ...spec.parameters },
  });
}

/** The field of a volume's spec that decides its directory. */
function fieldOf({ spec }: Pick<PlacedVolume, "spec">, { state, drivers }: World): string[] {
  const { driver } = state.get("storageClass", "", spec.storageClassName ?? "")?.spec ?? {};
  const parameter = drivers.get(driver ?? "")?.capabilities.hostDirectory;
  return parameter === undefined ? ["storageClassName"] : ["parameters", parameter];
}

const isInside = (inner: string, outer: string) =>
  `${inner}/`.startsWith(outer === "/" ? outer : `${outer}/`);

/**
 * Checks the directory of a new volume. Symbolic links are not followed here; the mount refuses what they
 * would hide.
 */
export function checkDirectory(volume: PlacedVolume, world: World): FieldIssue[] {
  const directory = directoryOf(volume, world);
  if (directory === undefined) return [];
  for (const other of world.state.list("volume")) {
    if (other.namespace === volume.namespace && other.name === volume.name) continue;
    const taken = other.status.handle ?? directoryOf(other, world);
    if (taken === undefined || !(isInside(directory, taken) || isInside(taken, directory))) continue;
    const owner = `of ${nameTo(world.viewer, "volume", other)}`;
    const place = maySee(world.viewer, "volume", other.namespace)
      ? `${taken}, the directory`
      : "the directory";
    const how = directory === taken
      ? `is the directory ${owner}`
      : isInside(directory, taken)
      ? `lies inside ${place} ${owner}`
      : `contains ${place} ${owner}`;
    return [{
      path: fieldOf(volume, world),
      message: `${directory} ${how}: expected a directory of its own`,
      hint: "claim that volume instead, with a subPath if need be, or choose another directory",
    }];
  }
  return [];
}

/** Refuses a template whose ordinals would all have the same directory. */
export function checkTemplateDirectory(
  { namespace, spec }: Omit<PlacedVolume, "name">,
  { nameOf, scale, world }: { nameOf: (ordinal: number) => string; scale: number; world: World },
): FieldIssue[] {
  if (scale < 2) return [];
  const [first, second] = [0, 1].map((n) => directoryOf({ namespace, name: nameOf(n), spec }, world));
  if (first === undefined || first !== second) return [];
  return [{
    path: fieldOf({ spec }, world),
    message: `every instance would get the directory ${first}: expected scale 1, found ${scale}`,
    hint: "claim one volume, or use a class whose driver creates a directory for each",
  }];
}
