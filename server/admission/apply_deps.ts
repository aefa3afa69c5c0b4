/** What admission needs from the daemon. @module */
import type { JudgingDriver } from "./world.ts";
import type { Grants } from "../auth/grants.ts";
import type { HostPorts } from "./ports.ts";
import type { SecretLimits } from "./secret_writes.ts";

/** What applying a set needs from the daemon. */
export interface ApplyDeps {
  drivers: ReadonlyMap<string, JudgingDriver>;
  secretLimits: SecretLimits;
  /** The class for volumes that name none, if no class is the default. */
  defaultStorageClass?: string;
  /** The current grants of the runefile. Default: none. */
  grants?: Grants;
  /** Ports of this machine that no service can have. Default: none. */
  hostPorts?(): HostPorts;
  /** Whether the daemon runs as root. Default: whether this process does. */
  root?: boolean;
  /** Whether processes can have private mounts. Default: whether the daemon runs as root. */
  privateMounts?: boolean;
  /** Directories of the daemon. No mount of a process may cover one or lie inside it. Default: none. */
  closed?: readonly string[];
  /** Whether the process runner can tell when all processes of a run have ended. Default: yes. */
  containsProcesses?: boolean;
}
