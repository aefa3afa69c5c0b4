/** In the place of `node/mounts/run_mounts.ts`: what a run in memory has mounted is what it was given. @module */

/** See `node/mounts/run_mounts.ts`. */
export interface FilesystemPlace {
  filesystem: string;
  inFilesystem: string;
}

/** The place of a volume: nobody mounts a part of one here. */
export function placeBelow(place: FilesystemPlace, _subPath: string): FilesystemPlace {
  return place;
}

/** Where each run, by its pid, has which directories. */
export const mountsOfRuns: { placesOf: (pid: number) => string[] | undefined } = {
  placesOf: () => undefined,
};

/** Whether a run has each of these volumes. */
export async function hasMounted(
  { pid }: { pid: number },
  directories: FilesystemPlace[],
): Promise<boolean | "unknown"> {
  const places = mountsOfRuns.placesOf(pid);
  return places === undefined ? "unknown" : directories.every((d) => places.includes(d.inFilesystem));
}
