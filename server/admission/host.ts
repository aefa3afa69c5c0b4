/** Refuses fields of process services that this daemon cannot enforce on its host. @module */
import type { FieldIssue } from "../../model/error.ts";
import type { ServiceSpec } from "../../model/service.ts";

const CONTEXT = ["user", "group", "capabilities", "readOnlyFS", "readOnlyRootFilesystem"] as const;

/** What the daemon can enforce on its host. */
export interface HostAbilities {
  /** Whether it runs as root. */
  root: boolean;
  /** Whether it can find every process of a run, whatever the run does; see runners/process/members.ts. */
  containsProcesses: boolean;
}

/** Finds fields of a process service that this daemon cannot enforce. */
export function checkHost(spec: ServiceSpec, { root, containsProcesses }: HostAbilities): FieldIssue[] {
  if (spec.process === undefined) return [];
  return [...root ? [] : checkRoot(spec), ...containsProcesses ? [] : checkWriters(spec)];
}

/**
 * A volume passes to the next writer when the last one has ended. If the daemon cannot tell, processes get no
 * writable volume.
 */
function checkWriters({ volumes }: ServiceSpec): FieldIssue[] {
  return volumes.flatMap(({ readOnly }, i): FieldIssue[] =>
    readOnly ? [] : [{
      path: ["volumes", i],
      message:
        "a process cannot have a writable volume here: this daemon cannot tell when all processes of a run have ended",
      hint:
        "let the daemon write control groups as root, or create user namespaces as another user (user.max_user_namespaces, " +
        "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), and restart it; or run an image",
    }]
  );
}

function checkRoot(spec: ServiceSpec): FieldIssue[] {
  const refuse = (path: (string | number)[], what: string): FieldIssue => ({
    path,
    message: `${what} for a process needs a daemon that runs as root`,
    hint: "run the daemon as root, use a container, or leave out this field",
  });
  const { securityContext: context = {}, resources = {}, configMounts, secretMounts } = spec;
  return [
    ...CONTEXT.filter((field) => context[field] !== undefined && context[field] !== false)
      .map((field) => refuse(["securityContext", field], field)),
    ...(["cpu", "memory"] as const).filter((kind) => resources[kind] !== undefined)
      .map((kind) => refuse(["resources", kind], `a ${kind} limit or request`)),
    ...configMounts.map((_, i) => refuse(["configMounts", i], "a mount of files")),
    ...secretMounts.map((_, i) => refuse(["secretMounts", i], "a mount of files")),
  ];
}
