/** Refuses fields that only the other runner supports, and names the field to use instead. @module */
import { parseBytes, parseMilliCpu } from "./quantity.ts";
import { DYNAMIC_USER, type Resources, type SecurityContext } from "./security.ts";
import { isRealTime } from "./stop_signal.ts";

/** Variable names that a POSIX shell passes on; it drops others. */
export const PROCESS_VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

const CONTAINER_ONLY = {
  capAdd: "use capabilities, which lists the ones to keep",
  capDrop: "use capabilities, which lists the ones to keep",
  privileged: "a process of root has every privilege unless capabilities are named",
  seccompProfile: "leave it out",
} as const;
const PROCESS_ONLY = {
  capabilities: "use capAdd and capDrop",
  readOnlyFS: "use readOnlyRootFilesystem",
} as const;

const isAsked = (value: unknown) =>
  value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);

/** The Docker Engine's lowest limits for a container. */
const LEAST_MEMORY = 6 * 1024 * 1024;
const LEAST_MILLI_CPU = 10;

interface Fields {
  resources?: Resources | undefined;
  process?: { env: Record<string, string> } | undefined;
  env: Record<string, string>;
  securityContext?: SecurityContext | undefined;
  stopSignal?: string | undefined;
  initSteps: { env: Record<string, string> }[];
}

/** Refuses a container service the fields of processes, and the reverse. */
export function checkRunnerFields(
  spec: Fields,
  issue: (path: (string | number)[], message: string) => void,
): void {
  const { process, securityContext = {}, resources } = spec;
  const [foreign, runs] = process === undefined
    ? [PROCESS_ONLY, "containers"] as const
    : [CONTAINER_ONLY, "processes"] as const;
  for (const [field, instead] of Object.entries(foreign)) {
    // An empty list of capabilities drops all of them, so it counts as set. A container's empty list does
    // not.
    const value = securityContext[field as keyof SecurityContext];
    if (field === "capabilities" ? value !== undefined : isAsked(value)) {
      issue(["securityContext", field], `cannot be enforced for ${runs}; ${instead}`);
    }
  }
  if (securityContext.group === DYNAMIC_USER) {
    issue(["securityContext", "group"], "is never dynamic: a dynamic user has a group of its own without it");
  }
  if (process === undefined) {
    const { cpu, memory } = resources ?? {};
    if (memory?.limit !== undefined && parseBytes(memory.limit) < LEAST_MEMORY) {
      issue(["resources", "memory", "limit"], `expected at least 6Mi for a container, found ${memory.limit}`);
    }
    if (cpu?.limit !== undefined && parseMilliCpu(cpu.limit) < LEAST_MILLI_CPU) {
      issue(["resources", "cpu", "limit"], `expected at least 10m for a container, found ${cpu.limit}`);
    }
    if (securityContext.user === DYNAMIC_USER) {
      issue(
        ["securityContext", "user"],
        "dynamic is for processes: a container's users are those of its image",
      );
    }
    if (securityContext.group !== undefined && securityContext.user === undefined) {
      issue(["securityContext", "group"], "needs securityContext.user: a container's group goes with a user");
    }
    return;
  }
  if (spec.stopSignal !== undefined && isRealTime(spec.stopSignal)) {
    issue(
      ["stopSignal"],
      `${spec.stopSignal} can be sent to containers only; use SIGTERM, SIGUSR1 or another one by name`,
    );
  }
  const { user, noNewPrivileges } = securityContext;
  if (noNewPrivileges === false && user !== undefined && user !== "root" && user !== "0") {
    issue(
      ["securityContext", "noNewPrivileges"],
      "cannot be false for a process that is not root; leave it out",
    );
  }
  const envs: [(string | number)[], Record<string, string>][] = [
    [["env"], spec.env],
    [["process", "env"], process.env],
    ...spec.initSteps.map(({ env }, i): [(string | number)[], Record<string, string>] => [
      ["initSteps", i, "env"],
      env,
    ]),
  ];
  for (const [path, env] of envs) {
    for (const name of Object.keys(env)) {
      if (PROCESS_VARIABLE.test(name)) continue;
      issue([...path, name], "a process cannot be given this variable; use letters, digits and underscores");
    }
  }
}
