/**
 * The drivers of Rune, an entry each. Everything that must know which drivers there are asks here; outside a
 * driver's folder nobody names one.
 * @module
 */
import type { z } from "zod";
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
import { LOCAL_HOST } from "./local_host/entry.ts";

const DRIVERS = [LOCAL, LOCAL_HOST] as const;

type Entry = (typeof DRIVERS)[number];
type All<Union> = (Union extends unknown ? (each: Union) => void : never) extends (all: infer Every) => void
  ? Every
  : never;

/** Settings of all drivers. */
export type DriverSettings = All<ReturnType<Entry["settle"]>>;

/** The drivers' keys of the runefile's section `storage`. */
export const DRIVER_KEYS = Object.assign({}, ...DRIVERS.map(({ keys }) => keys)) as All<Entry["keys"]>;

/** What the runefile says of drivers. */
type Written = z.output<z.ZodObject<typeof DRIVER_KEYS>>;

interface ReloadRule {
  key: string;
  of: (settings: DriverSettings) => unknown;
  /** Whether a reload changes it at once. */
  live: boolean;
}

const RULES = DRIVERS.flatMap(({ settings }) => Object.entries<{ setting: string; live: boolean }>(settings));

/**
 * Of each key of {@linkcode DRIVER_KEYS}: the setting that it gives, and when a change of it takes effect.
 */
export const DRIVER_RELOADS: ReloadRule[] = RULES.map(([key, { setting, live }]) => ({
  key,
  of: (settings) => settings[setting as keyof DriverSettings],
  live,
}));

/** Fills in what a runefile leaves out. */
export function settleDrivers(written: Written, surroundings: DriverSurroundings): DriverSettings {
  return Object.assign({}, ...DRIVERS.map((entry) => entry.settle(written, surroundings)));
}

/** The settings of drivers after a reload: those of `next`, but for what takes a restart. */
export function reloadDrivers(current: DriverSettings, next: DriverSettings): DriverSettings {
  const fixed = RULES.filter(([, { live }]) => !live).map(([, { setting }]) => [
    setting,
    current[setting as keyof DriverSettings],
  ]);
  return { ...next, ...Object.fromEntries(fixed) };
}

/** Directories that drivers keep for themselves. */
export const ownDirectories = (settings: DriverSettings): OwnDirectory[] =>
  DRIVERS.flatMap((entry) => entry.ownDirectories?.(settings) ?? []);

/** Directories of the host that drivers give to every namespace. */
export const hostPaths = (settings: DriverSettings): string[] =>
  DRIVERS.flatMap((entry) => entry.hostPaths?.(settings) ?? []);

/** Drivers of which a fresh store gets a storage class. */
export const seededDrivers = (): string[] =>
  DRIVERS.filter(({ seedsClass }) => seedsClass).map(({ name }) => name);

/** What a driver can do; undefined for one that this daemon does not have. */
export const capabilitiesOf = (name: string | undefined): DriverCapabilities | undefined =>
  DRIVERS.find((entry) => entry.name === name)?.capabilities;

/** What the reference says of a driver. */
export interface DriverDocs {
  name: string;
  means: string;
  capabilities: DriverCapabilities;
  parameters: ParameterDocs;
  /** Its keys of the runefile, and whether a reload changes them. */
  keys: { key: string; doc: SettingDoc; live: boolean }[];
}

/** What the reference says of each driver. */
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
  /** Those that have a trash. */
  trashes: TrashOwner[];
  /** Takes over the settings that may change while drivers are in use. */
  configure(settings: DriverSettings): void;
  /** To be called once, before anything else. @returns what the operator should know, a sentence each. */
  prepare(): Promise<string[]>;
  /** Gives up what they hold. */
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
