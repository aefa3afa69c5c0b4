/** What admission needs of the daemon. @module */
import type { JudgingDriver } from "./world.ts";
import type { Grants } from "../auth/grants.ts";
import type { HostPorts } from "./ports.ts";
import type { SecretLimits } from "./secret_writes.ts";

/** What applying a set needs of the daemon. */
export interface ApplyDeps {
  drivers: ReadonlyMap<string, JudgingDriver>;
  secretLimits: SecretLimits;
  /** The class for volumes that name none while no class is the default. */
  defaultStorageClass?: string;
  /** What callers may use of the host, by namespace, as it is now. Default: nothing. */
  grants?: Grants;
  /** What of the machine's ports no service can have. Default: all are free. */
  hostPorts?(): HostPorts;
  /** Whether processes can be given mounts of their own. Default: whether the daemon is root. */
  privateMounts?: boolean;
  /** Directories of the daemon's own: no mount of a process may cover one or be in it. Default: none. */
  closed?: readonly string[];
  /** Whether the process runner can tell when all processes of a run are gone. Default: yes. */
  containsProcesses?: boolean;
}
