/**
 * Lease: the right to mount one volume, named after it. Taken in the same commit as the instance that needs it, released
 * only when the container or process is known to be gone (DESIGN, "Controllers").
 * @module
 */
import type { Resource } from "./envelope.ts";

/** One instance that may mount the volume. */
export interface LeaseHolder {
  instanceUid: string;
  namespace: string;
  instance: string;
  mode: "rw" | "ro";
  /** When it was taken, RFC 3339. */
  since: string;
}

/** Either one `rw` holder alone, or any number of `ro` holders. */
export interface LeaseSpec {
  holders: LeaseHolder[];
}

export type Lease = Resource<"lease", LeaseSpec, Record<string, never>>;
