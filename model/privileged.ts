/**
 * Decides which services could take over the host: privileged containers, and processes that run as root.
 * Pure.
 * @module
 */
import { DYNAMIC_USER, parseAccountId } from "./security.ts";
import type { ServiceSpec } from "./service.ts";

/** The fields of a service that decide it. */
export type Privileged = Pick<ServiceSpec, "process" | "securityContext"> & {
  identity?: ServiceSpec["identity"] | undefined;
};

/**
 * Whether a service could take over the host, judging by its spec. An account name without a number counts as
 * itself, so only `identity` reveals another account with uid 0.
 */
export function takesOverHost({ process, securityContext = {}, identity }: Privileged): boolean {
  const { user, capabilities = [], capAdd = [], privileged, seccompProfile } = securityContext;
  if (!process) return privileged === true || capAdd.length > 0 || seccompProfile === "unconfined";
  if (capabilities.length > 0 || user === undefined) return true;
  if (identity) return identity.user === 0;
  return user !== DYNAMIC_USER && isRootByName(user);
}

/** Digits that are not a valid id count as root: some programs read them as 0. */
function isRootByName(user: string): boolean {
  try {
    return user === "root" || parseAccountId(user) === 0;
  } catch {
    return true;
  }
}
