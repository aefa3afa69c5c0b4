/**
 * The entry of a driver in the registry: its keys in the runefile, the effect of a reload, and its
 * construction.
 * @module
 */
import type { z } from "zod";
import type { Driver, DriverCapabilities } from "./driver.ts";

/** Sources of a driver's settings, besides the runefile. */
export interface DriverSurroundings {
  dataDir: string;
  /** In dev mode, a directory of the user for volumes on the host. */
  userVolumes?: string;
}

/** A directory of the daemon. No volume of another driver may be, contain or lie inside one. */
export interface OwnDirectory {
  path: string;
  /** Its name in messages: `the volume root`. */
  what: string;
  /** The key of the runefile that sets its path. */
  key: string;
}

/** The environment for which a driver is built. */
export interface DriverOwner {
  dataDir: string;
  /** The daemon that owns the volumes. Absent if they are claimed for no daemon. */
  daemonId?: string;
  /** Whether to create the directories in the settings. */
  devMode?: boolean;
  /** The directories of the daemon and of all drivers. */
  ownDirectories: Omit<OwnDirectory, "key">[];
  /** The host directories that the runefile grants to a namespace. Called at each use. */
  grantedPaths(namespace: string): string[];
}

/** A driver with a trash. */
export interface TrashOwner {
  /** Finishes the interrupted work of a daemon that was killed. */
  sweep(signal: AbortSignal): Promise<void>;
  /**
   * Destroys what has been in the trash for longer than the driver's retention.
   *
   * @param elapsedMs returns how long ago a time (RFC 3339) was.
   * @returns the number of destroyed volumes.
   */
  purge(elapsedMs: (at: string) => number, signal: AbortSignal): Promise<number>;
}

/** A built driver, with the functions for its lifecycle. */
export interface BuiltDriver<Settings> extends Partial<TrashOwner> {
  driver: Driver;
  /** Applies the settings that may change while it is in use. */
  configure(settings: Settings): void;
  /**
   * Prepares the driver. Call it once, before anything else.
   * @returns warnings for the operator, one sentence each.
   */
  prepare?(): Promise<string[]>;
  /** Releases its locks. */
  close?(): void;
}

/** The documentation of a volume parameter, or of a key of the runefile. */
export interface SettingDoc {
  /** What it does, in one or two sentences of Markdown. */
  means: string;
  /** What its value looks like. */
  form: string;
  /** The default. */
  default: string;
  unit?: string;
  /** Set if its value is a secret: it is masked wherever a declaration is shown. */
  secret?: true;
  /** An example: the YAML after `key:`. */
  example: string;
}

/** The parameters that a driver accepts in storage classes and volumes, by key. */
export type ParameterDocs = Readonly<Record<string, SettingDoc>>;

/** One driver, before it is built. */
export interface DriverEntry<Keys extends z.ZodRawShape, Settings extends object> {
  name: string;
  /** What its volumes are, in one sentence of Markdown. */
  means: string;
  capabilities: DriverCapabilities;
  parameters: ParameterDocs;
  /** Its keys in the section `storage` of the runefile. */
  keys: Keys;
  /** For each key: its setting, whether a reload changes it, and its documentation. */
  settings: Record<keyof Keys, { setting: keyof Settings; live: boolean; doc: SettingDoc }>;
  /** Present where a fresh store gets a storage class of the driver's name. */
  initialClass?: true;
  /** Fills in what the runefile leaves out. */
  settle(written: z.output<z.ZodObject<Keys>>, surroundings: DriverSurroundings): Settings;
  /** The directories that it reserves for itself. */
  ownDirectories?(settings: Settings): OwnDirectory[];
  /** The host directories that every namespace may use. */
  hostPaths?(settings: Settings): string[];
  create(settings: Settings, owner: DriverOwner): BuiltDriver<Settings>;
}
