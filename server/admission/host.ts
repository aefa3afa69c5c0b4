/** What this daemon can enforce for processes only as root: refused at write time where it is an ordinary user's. @module */
import type { FieldIssue } from "../../spec/error.ts";
import type { ServiceSpec } from "../../spec/service.ts";

const CONTEXT = ["user", "group", "capabilities", "readOnlyFS", "readOnlyRootFilesystem"] as const;

/** Fields of a process service that need root. @param root whether the daemon has it. */
export function checkHost(spec: ServiceSpec, { root }: { root: boolean }): FieldIssue[] {
  if (root || spec.process === undefined) return [];
  const refuse = (path: (string | number)[], what: string): FieldIssue => ({
    path,
    message: `${what} for a process needs a daemon that runs as root`,
    hint: "run the daemon as root, use a container, or leave it out",
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
