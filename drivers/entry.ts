/**
 * What the registry knows of a driver: its keys of the runefile, what a reload changes, and how it is built.
 * @module
 */
import type { z } from "zod";
import type { Driver, DriverCapabilities } from "./driver.ts";

/** Where the settings of a driver come from besides the runefile. */
export interface DriverSurroundings {
  dataDir: string;
  /** Dev mode: a directory of the user's own for volumes on the host. */
  userVolumes?: string;
}

/** A directory of the daemon's own: no volume of another driver is one, lies in one or holds one. */
export interface OwnDirectory {
  path: string;
  /** As a noun: `the volume root`. */
  what: string;
  /** The runefile's key that moves it. */
  key: string;
}

/** What a driver is built for. */
export interface DriverOwner {
  dataDir: string;
  /** The daemon whose volumes these are; absent where nothing is claimed for one. */
  daemonId?: string;
  /** Whether directories that the settings name are made. */
  devMode?: boolean;
  /** Directories of the daemon's own, with those of all drivers. */
  ownDirectories: Omit<OwnDirectory, "key">[];
  /** Directories of the host that the runefile grants to one namespace. Asked at each use. */
  grantedPaths(namespace: string): string[];
}

/** A driver that moves what is deleted to a trash. */
export interface TrashOwner {
  /** Finishes what a daemon that died began. */
  sweep(signal: AbortSignal): Promise<void>;
  /**
   * Removes for good what was deleted longer ago than the driver's settings say.
   *
   * @param elapsedMs tells how long ago a time (RFC 3339) was.
   * @returns how many volumes it removed.
   */
  purge(elapsedMs: (at: string) => number, signal: AbortSignal): Promise<number>;
}

/** A driver in use, with what its owner does for it. */
export interface BuiltDriver<Settings> extends Partial<TrashOwner> {
  driver: Driver;
  /** Takes over the settings that may change while it is in use. */
  configure(settings: Settings): void;
  /** To be called once, before anything else. @returns what the operator should know, a sentence each. */
  prepare?(): Promise<string[]>;
  /** Gives up what it holds. */
  close?(): void;
}

/** What the reference says of a parameter of volumes, or of a key of the runefile. */
export interface SettingDoc {
  /** What it does, in one or two sentences of Markdown. */
  means: string;
  /** What its value looks like. */
  form: string;
  /** What holds when it is left out. */
  default: string;
  unit?: string;
  /** YAML, as it stands behind `key:`. */
  example: string;
}

/**
 * The parameters that a driver takes from storage classes and volumes, by key. It refuses every other one.
 */
export type ParameterDocs = Readonly<Record<string, SettingDoc>>;

/** One driver, before it is built. */
export interface DriverEntry<Keys extends z.ZodRawShape, Settings extends object> {
  name: string;
  /** What its volumes are, in a sentence of Markdown. */
  means: string;
  capabilities: DriverCapabilities;
  parameters: ParameterDocs;
  /** Its keys of the runefile's section `storage`. */
  keys: Keys;
  /**
   * Of each key: the setting that it gives, whether a reload changes it while the driver is in use, and what
   * it does.
   */
  settings: Record<keyof Keys, { setting: keyof Settings; live: boolean; doc: SettingDoc }>;
  /** Present where a fresh store gets a storage class of the driver's name. */
  seedsClass?: true;
  /** Fills in what the runefile leaves out. */
  settle(written: z.output<z.ZodObject<Keys>>, surroundings: DriverSurroundings): Settings;
  /** Directories that it keeps for itself. */
  ownDirectories?(settings: Settings): OwnDirectory[];
  /** Directories of the host that it gives to every namespace. */
  hostPaths?(settings: Settings): string[];
  create(settings: Settings, owner: DriverOwner): BuiltDriver<Settings>;
}
