/** Which services could take over the host: a container with privileges, or a process that is root. Pure. @module */
import { DYNAMIC_USER, parseAccountId } from "./security.ts";
import type { ServiceSpec } from "./service.ts";

/** What of a service decides it. */
export type Privileged = Pick<ServiceSpec, "process" | "securityContext"> & {
  identity?: ServiceSpec["identity"] | undefined;
};

/**
 * Whether what runs could take over the host, as far as the spec tells: a name that has no number yet counts by itself, so that
 * an account with the uid 0 and another name is found only by its `identity`.
 */
export function takesOverHost({ process, securityContext = {}, identity }: Privileged): boolean {
  const { user, capabilities = [], capAdd = [], privileged, seccompProfile } = securityContext;
  if (!process) return privileged === true || capAdd.length > 0 || seccompProfile === "unconfined";
  if (capabilities.length > 0 || user === undefined) return true;
  if (identity) return identity.user === 0;
  return user !== DYNAMIC_USER && isRootByName(user);
}

/** Digits that are no id count: some program may read them as 0. */
function isRootByName(user: string): boolean {
  try {
    return user === "root" || parseAccountId(user) === 0;
  } catch {
    return true;
  }
}
