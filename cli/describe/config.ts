/** What a service takes from configmaps and secrets, and its init steps, in words. @module */
import type { EnvSource } from "../../spec/mounts.ts";
import type { ServiceSpec } from "../../spec/service.ts";
import { shellWords } from "./sections.ts";

/** `configmap app (prefix DB_)`. */
export function envSource(source: EnvSource): string {
  const from = "secretName" in source ? `secret ${source.secretName}` : `configmap ${source.configName}`;
  return source.prefix === "" ? from : `${from} (prefix ${source.prefix})`;
}

/** A line for each mount of files. */
export function fileMountLines(
  { secretMounts, configMounts }: Pick<ServiceSpec, "secretMounts" | "configMounts">,
) {
  const keys = (items?: { key: string }[]) => items ? ` (${items.map((i) => i.key).join(", ")})` : "";
  return [
    ...secretMounts.map((m) => `${m.mountPath}  secret ${m.secretName}${keys(m.items)}`),
    ...configMounts.map((m) => `${m.mountPath}  configmap ${m.configName}${keys(m.items)}`),
  ];
}

/** `migrate  ./migrate up (always)`. */
export function initStepLine({ name, command, args, runIf }: ServiceSpec["initSteps"][number]): string {
  const when = typeof runIf === "string" ? runIf : `file missing: ${runIf.fileMissing}`;
  return `${name}  ${shellWords([...command, ...args])} (${when})`;
}
