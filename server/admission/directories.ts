/** That no two volumes are one directory of the host, or one inside the other: each would have a writer of its own. @module */
import type { FieldIssue } from "../../model/error.ts";
import { isName } from "../../model/name.ts";
import { parseBytes } from "../../model/quantity.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import { maySee, nameTo } from "../auth/visibility.ts";
import type { World } from "./world.ts";

/** A volume, as far as its place depends on it. */
export interface Place {
  namespace: string;
  name: string;
  spec: VolumeSpec;
}

/** The directory that a volume is or will be, as far as that can be told without touching the host. */
export function directoryOf({ namespace, name, spec }: Place, { state, drivers }: World): string | undefined {
  // Where names that are none are refused, there is nothing to compare.
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

/** Where a volume's spec says which directory it is. */
function fieldOf({ spec }: Pick<Place, "spec">, { state, drivers }: World): string[] {
  const { driver } = state.get("storageClass", "", spec.storageClassName ?? "")?.spec ?? {};
  const parameter = drivers.get(driver ?? "")?.capabilities.hostDirectory;
  return parameter === undefined ? ["storageClassName"] : ["parameters", parameter];
}

const isInside = (inner: string, outer: string) =>
  `${inner}/`.startsWith(outer === "/" ? outer : `${outer}/`);

/** Judges a volume that is to be made. Symbolic links are not followed here: what they hide is refused at the mount. */
export function checkDirectory(volume: Place, world: World): FieldIssue[] {
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

/** A template whose ordinals would all be one directory. */
export function checkTemplateDirectory(
  { namespace, spec }: Omit<Place, "name">,
  { nameOf, scale, world }: { nameOf: (ordinal: number) => string; scale: number; world: World },
): FieldIssue[] {
  if (scale < 2) return [];
  const [first, second] = [0, 1].map((n) => directoryOf({ namespace, name: nameOf(n), spec }, world));
  if (first === undefined || first !== second) return [];
  return [{
    path: fieldOf({ spec }, world),
    message: `every instance would get the directory ${first}: expected scale 1, found ${scale}`,
    hint: "claim one volume, or use a class whose driver makes a directory for each",
  }];
}
