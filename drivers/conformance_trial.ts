/** A scratch directory and contexts of volumes, for tests of drivers. @module */
import type { Driver, PlainParameters, VolumeContext } from "./driver.ts";

/** Overrides of a test for a context. Its parameters contain no references. */
export type ContextOverrides = Partial<Omit<VolumeContext, "parameters">> & {
  parameters?: Record<string, string>;
};

/** A driver under test. */
export interface Trial {
  driver: Driver;
  /** Creates another driver object on the same storage, as a restarted daemon does. */
  restart: () => Driver;
  /** Creates the context of a volume. The same name gives the same uid. */
  context: (name: string, overrides?: ContextOverrides) => VolumeContext;
  /** By how many bytes a volume grows, if the provider has only some sizes. Default: 64 MiB. */
  growBy?: number;
  /** Removes everything, including what a failed test left. */
  cleanup: () => Promise<void>;
}

/** Parameters for a driver's test, which have no references to resolve. */
export const plainParameters = (parameters: Record<string, string>) => parameters as PlainParameters;

/** Creates a function that returns contexts of volumes by name. It gives the same name the same uid. */
export function contextMaker(
  defaults: { sizeBytes?: number; parameters?: (name: string) => Record<string, string> } = {},
): (name: string, overrides?: ContextOverrides) => VolumeContext {
  const uids = new Map<string, string>();
  return (name, { parameters = defaults.parameters?.(name) ?? {}, ...overrides } = {}) => {
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
      parameters: plainParameters(parameters),
      blank: true,
      node: "node",
      installation: "installation",
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

/** Creates a scratch directory. @returns its real path. */
export async function scratchDirectory(): Promise<Scratch> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-drivers-" }));
  return { path, remove: () => Deno.remove(path, { recursive: true }) };
}
