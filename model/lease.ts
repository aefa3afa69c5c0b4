/**
 * Lease: the right to mount one volume, named after that volume. The commit that creates an instance takes
 * it. It is released only when the container or process is known to be gone.
 * @module
 */
import type { Resource } from "./envelope.ts";

/** One instance that may mount the volume. */
export interface LeaseHolder {
  instanceUid: string;
  namespace: string;
  instance: string;
  mode: "rw" | "ro";
  /** When the lease was taken, RFC 3339. */
  since: string;
}

/** Either a single `rw` holder, or any number of `ro` holders. */
export interface LeaseSpec {
  holders: LeaseHolder[];
}

export type Lease = Resource<"lease", LeaseSpec, Record<string, never>>;
