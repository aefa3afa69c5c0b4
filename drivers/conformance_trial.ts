/** What the tests of drivers share: a scratch directory and contexts of volumes. @module */
import type { VolumeContext } from "./driver.ts";

/** Contexts for volumes by name; the same name gives the same uid as long as the maker lives. */
export function contextMaker(
  defaults: { sizeBytes?: number; parameters?: (name: string) => Record<string, string> } = {},
): (name: string, overrides?: Partial<VolumeContext>) => VolumeContext {
  const uids = new Map<string, string>();
  return (name, overrides = {}) => {
    const uid = uids.get(name) ?? crypto.randomUUID();
    uids.set(name, uid);
    return {
      volume: {
        namespace: "default",
        name,
        uid,
        sizeBytes: defaults.sizeBytes ?? 0,
        accessMode: "ReadWriteOnce",
      },
      parameters: defaults.parameters?.(name) ?? {},
      node: "node",
      signal: new AbortController().signal,
      ...overrides,
    };
  };
}

/** A directory for one test. */
export interface Scratch {
  path: string;
  remove: () => Promise<void>;
}

/** Makes a directory of its own, by its real path. */
export async function scratchDirectory(): Promise<Scratch> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-drivers-" }));
  return { path, remove: () => Deno.remove(path, { recursive: true }) };
}
