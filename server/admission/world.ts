/** What the rules look at: the state a write will be part of, the drivers there are, and what else the same cast declares. @module */
import type { Driver } from "../../drivers/driver.ts";
import type { Exposures } from "../../model/exposing.ts";
import type { FieldIssue } from "../../model/error.ts";
import type { Service } from "../../model/service.ts";
import type { StorageClass } from "../../model/storage_class.ts";
import type { Reader } from "../../store/store.ts";
import type { Viewer } from "../auth/visibility.ts";
import type { SecretLimits } from "./secret_writes.ts";
import type { HostPorts } from "./ports.ts";
import type { HostAccounts } from "../auth/host_accounts.ts";

/** What of a driver judges a declaration; parameters are as they were written, with their secret references. */
export type JudgingDriver = Pick<Driver, "name" | "capabilities" | "validate" | "directory">;

/** The state that a declaration is judged against. */
export interface World {
  /** Includes what the same cast wrote before. */
  state: Reader;
  drivers: ReadonlyMap<string, JudgingDriver>;
  /** The runefile's `storage.defaultStorageClass`. */
  defaultStorageClass?: string;
  secretLimits: SecretLimits;
  /** Who is told what is wrong: names of others are for those who may see them. */
  viewer: Viewer;
  /** Users and groups of this host. */
  accounts: HostAccounts;
  /** Whether the daemon is root. */
  root: boolean;
  /** Storage classes that the same cast declares, also those that were refused: a volume of one is not blamed for it. */
  declaredClasses: ReadonlySet<string>;
  /** Whether processes can be given mounts of their own: only by root. */
  privateMounts: boolean;
  /** Directories of the daemon's own, which no mount of a process may cover or be in. */
  closed: readonly string[];
  /** Whether the daemon can tell when all processes of a process service are gone. */
  containsProcesses: boolean;
  /** The same for volumes, as `<namespace>/<name>`. */
  declaredVolumes?: ReadonlySet<string>;
  /** Services that are exposed, with what the same cast wrote before: found once, for a cast may be of thousands. */
  exposed: Exposures<Service>;
  /** What of the machine's ports no service can have. */
  ports: HostPorts;
  /** Keys of services that the same cast declares and has not written yet. */
  later?: ReadonlySet<string>;
  /** The class that the same cast makes the default. */
  newDefaultClass?: string;
}

/** A declaration after its defaults were filled in, and what is wrong with it. */
export interface Verdict<Spec> {
  spec: Spec;
  issues: FieldIssue[];
}

/** The class that volumes get which name none: the default class, else the runefile's. */
export function defaultClass(world: World): string | undefined {
  const marked = world.state.list("storageClass").find((c: StorageClass) => c.spec.default);
  return marked?.name ?? world.defaultStorageClass;
}

/** The same issues under a longer path. */
export function prefixIssues(prefix: (string | number)[], issues: FieldIssue[]): FieldIssue[] {
  return issues.map((issue) => ({ ...issue, path: [...prefix, ...issue.path] }));
}
