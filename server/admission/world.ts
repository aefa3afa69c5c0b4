/** What the rules of admission read: the state, the drivers, the host, and the rest of the cast. @module */
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

/**
 * The part of a driver that checks declarations. It gets parameters as declared, with unresolved secret
 * references.
 */
export type JudgingDriver = Pick<
  Driver,
  "name" | "capabilities" | "validate" | "directory" | "normalizeParameters"
>;

/** What a declaration is checked against. */
export interface World {
  /** Includes the resources that this cast has already written. */
  state: Reader;
  drivers: ReadonlyMap<string, JudgingDriver>;
  /** The runefile's `storage.defaultStorageClass`. */
  defaultStorageClass?: string;
  secretLimits: SecretLimits;
  /** The caller who reads the issues. They name only resources that the caller may see. */
  viewer: Viewer;
  /** Users and groups of this host. */
  accounts: HostAccounts;
  /** Whether the daemon runs as root. */
  root: boolean;
  /**
   * Storage classes that this cast declares, including refused ones, whose volumes should not be refused for
   * the same reason.
   */
  declaredClasses: ReadonlySet<string>;
  /** Whether processes can have private mounts, which requires root. */
  privateMounts: boolean;
  /** Directories of the daemon. No mount of a process may cover one or lie inside it. */
  closed: readonly string[];
  /** Whether the daemon can tell when all processes of a process service are gone. */
  containsProcesses: boolean;
  /** Volumes that this cast declares, including refused ones, as `<namespace>/<name>`. */
  declaredVolumes?: ReadonlySet<string>;
  /**
   * Exposed services, including those that this cast has already written. Collected once, since a cast may
   * have thousands.
   */
  exposed: Exposures<Service>;
  /** Ports of this machine that no service can have. */
  ports: HostPorts;
  /** Keys of services that this cast has yet to write. */
  later?: ReadonlySet<string>;
  /** The class that this cast makes the default. */
  newDefaultClass?: string;
}

/** A declaration with its defaults filled in, and its issues. */
export interface Verdict<Spec> {
  spec: Spec;
  issues: FieldIssue[];
}

/** The class of volumes that name none: the default class or, if there is none, the runefile's. */
export function defaultClass(world: Pick<World, "state" | "defaultStorageClass">): string | undefined {
  const marked = world.state.list("storageClass").find((c: StorageClass) => c.spec.default);
  return marked?.name ?? world.defaultStorageClass;
}

/** Returns the issues with a prefix before each path. */
export function prefixIssues(prefix: (string | number)[], issues: FieldIssue[]): FieldIssue[] {
  return issues.map((issue) => ({ ...issue, path: [...prefix, ...issue.path] }));
}
