/**
 * The registry of drivers. Everything that needs the list of drivers reads it here. No code outside a
 * driver's folder names a driver.
 * @module
 */
import type { z } from "zod";
import { type AllOf, mergeDistinct } from "../base/merge_distinct.ts";
import type { Driver, DriverCapabilities } from "./driver.ts";
import type {
  DriverOwner,
  DriverSurroundings,
  OwnDirectory,
  ParameterDocs,
  SettingDoc,
  TrashOwner,
} from "./entry.ts";
import { LOCAL } from "./local/entry.ts";
import { DO_VOLUME } from "./digitalocean/entry.ts";
import { LOCAL_HOST } from "./local_host/entry.ts";

const DRIVERS = [LOCAL, LOCAL_HOST, DO_VOLUME] as const;

/** What clashes ends the program as it starts: no driver overwrites what another has. */
mergeDistinct(DRIVERS.map(({ name }) => ({ [name]: true })), { what: "driver" });

type Entry = (typeof DRIVERS)[number];

/** The settings of all drivers. */
export type DriverSettings = AllOf<ReturnType<Entry["settle"]>>;

/** The keys of all drivers in the section `storage` of the runefile. */
export const DRIVER_KEYS = mergeDistinct<Entry["keys"]>(DRIVERS.map(({ keys }) => keys), {
  what: "key of drivers in the runefile",
});

/** The settings of drivers in a runefile. */
type Written = z.output<z.ZodObject<typeof DRIVER_KEYS>>;

interface ReloadRule {
  key: string;
  of: (settings: DriverSettings) => unknown;
  /** Whether a reload applies it at once. */
  live: boolean;
}

const RULES = DRIVERS.flatMap(({ settings }) => Object.entries<{ setting: string; live: boolean }>(settings));

/** For each key of {@linkcode DRIVER_KEYS}: its setting, and whether a reload applies it. */
export const DRIVER_RELOADS: ReloadRule[] = RULES.map(([key, { setting, live }]) => ({
  key,
  of: (settings) => settings[setting as keyof DriverSettings],
  live,
}));

/** Fills in the defaults of all drivers. */
export function settleDrivers(written: Written, surroundings: DriverSurroundings): DriverSettings {
  const settings = DRIVERS.map((entry): ReturnType<Entry["settle"]> => entry.settle(written, surroundings));
  return mergeDistinct(settings, { what: "setting of drivers" });
}

/** The settings after a reload: those of `next`, except where a change needs a restart. */
export function reloadDrivers(current: DriverSettings, next: DriverSettings): DriverSettings {
  const fixed = RULES.filter(([, { live }]) => !live).map(([, { setting }]) => [
    setting,
    current[setting as keyof DriverSettings],
  ]);
  return { ...next, ...Object.fromEntries(fixed) };
}

/** The directories that drivers reserve for themselves. */
export const ownDirectories = (settings: DriverSettings): OwnDirectory[] =>
  DRIVERS.flatMap((entry) => entry.ownDirectories?.(settings) ?? []);

/** The host directories that drivers allow to every namespace. */
export const hostPaths = (settings: DriverSettings): string[] =>
  DRIVERS.flatMap((entry) => entry.hostPaths?.(settings) ?? []);

/** Drivers of which a fresh store gets a storage class. */
export const listInitialClassDrivers = (): string[] =>
  DRIVERS.filter(({ initialClass }) => initialClass).map(({ name }) => name);

/** The capabilities of a driver; undefined if this daemon does not have it. */
export const capabilitiesOf = (name: string | undefined): DriverCapabilities | undefined =>
  DRIVERS.find((entry) => entry.name === name)?.capabilities;

/** The documentation of a driver. */
export interface DriverDocs {
  name: string;
  means: string;
  capabilities: DriverCapabilities;
  parameters: ParameterDocs;
  /** Its keys in the runefile, and whether a reload applies them. */
  keys: { key: string; doc: SettingDoc; live: boolean }[];
}

/** The documentation of all drivers. */
export const driverDocs = (): DriverDocs[] =>
  DRIVERS.map(({ name, means, capabilities, parameters, settings }) => ({
    name,
    means,
    capabilities,
    parameters,
    keys: Object.entries<{ doc: SettingDoc; live: boolean }>(settings)
      .map(([key, { doc, live }]) => ({ key, doc, live })),
  }));

/** The drivers of a daemon. */
export interface Drivers {
  all: Map<string, Driver>;
  /** The drivers with a trash. */
  trashes: TrashOwner[];
  /** Applies the settings that may change while drivers are in use. */
  configure(settings: DriverSettings): void;
  /**
   * Prepares all drivers. Call it once, before anything else.
   * @returns warnings for the operator, one sentence each.
   */
  prepare(): Promise<string[]>;
  /** Releases their locks. */
  close(): void;
}

/** Builds every driver. */
export function buildDrivers(
  settings: DriverSettings,
  { dataDir, grantedPaths = () => [], ...owner }:
    & Omit<DriverOwner, "ownDirectories" | "grantedPaths">
    & Partial<Pick<DriverOwner, "grantedPaths">>,
): Drivers {
  const own = [{ path: dataDir, what: "the data directory" }, ...ownDirectories(settings)];
  const built = DRIVERS.map((entry) =>
    entry.create(settings, { ...owner, dataDir, grantedPaths, ownDirectories: own })
  );
  return {
    all: new Map(built.map(({ driver }) => [driver.name, driver])),
    trashes: built.flatMap(({ sweep, purge }) => sweep && purge ? [{ sweep, purge }] : []),
    configure(next) {
      for (const driver of built) driver.configure(next);
    },
    async prepare() {
      const warnings: string[] = [];
      for (const driver of built) warnings.push(...await driver.prepare?.() ?? []);
      return warnings;
    },
    close() {
      for (const driver of built) driver.close?.();
    },
  };
}
