/**
 * How a node inspects directories of its host: through open handles, so that no name is resolved twice.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import { findShortage, type Shortage } from "../../base/room.ts";
import {
  descriptorPath,
  identityOf,
  openDirectory,
  type Whereabouts,
  whereIs,
} from "../../drivers/open_directory.ts";
import type { FilesystemPlace, SeenProcess } from "../volumes.ts";
import { hasMounted } from "./run_mounts.ts";

/** See the module comment. In-memory volumes have another one. */
export interface HostView {
  /** Opens an absolute path without following a symbolic link. */
  open(path: string): Promise<FileHandle>;
  /** A unique id of an open directory. */
  identityOf(directory: FileHandle): Promise<string>;
  whereIs(directory: FileHandle): Promise<Whereabouts>;
  hasMounted(process: SeenProcess, places: FilesystemPlace[]): Promise<boolean | "unknown">;
  findShortage(path: string): Promise<Shortage | undefined>;
}

/** The host that this process is on. */
export const THIS_HOST: HostView = {
  open: openDirectory,
  identityOf: (directory) => identityOf(`${descriptorPath(directory)}/.`),
  whereIs,
  hasMounted,
  findShortage,
};
