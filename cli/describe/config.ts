/** Describes what a service takes from configmaps and secrets, and its init steps. @module */
import type { EnvSource } from "../../model/mounts.ts";
import { describeData, usesData } from "../../model/data_uses.ts";
import { describeKey } from "../../model/kinds.ts";
import type { Service, ServiceSpec } from "../../model/service.ts";
import { shellWords } from "./sections.ts";

/** `configmap app (prefix DB_)`. */
export function envSource(source: EnvSource): string {
  const from = "secretName" in source ? `secret ${source.secretName}` : `configmap ${source.configName}`;
  return source.prefix === "" ? from : `${from} (prefix ${source.prefix})`;
}

/** One line for each mount of files. */
export function fileMountLines(
  { secretMounts, configMounts }: Pick<ServiceSpec, "secretMounts" | "configMounts">,
) {
  const keys = (items?: { key: string }[]) => items ? ` (${items.map((i) => i.key).join(", ")})` : "";
  return [
    ...secretMounts.map((m) => `${m.mountPath}  secret ${m.secretName}${keys(m.items)}`),
    ...configMounts.map((m) => `${m.mountPath}  configmap ${m.configName}${keys(m.items)}`),
  ];
}

/**
 * One line for each service that uses a configmap or secret, with the instances that still run with older
 * values.
 */
export function usersOf(
  { kind, namespace, name }: { kind: "configmap" | "secret"; namespace: string; name: string },
  services: Service[],
): string[] {
  const key = { kind, namespace, name };
  return services.filter(({ spec, namespace }) => usesData(spec, namespace, key)).map((service) => {
    const stale = service.status.staleConfig?.find(({ config }) => config === describeData(key));
    const title = `service ${describeKey(service)}`;
    if (!stale) return title;
    const names = stale.instances.join(", ");
    return `${title}  older values in ${names}; to use the new ones: rune restart ${service.name} -n ${service.namespace}`;
  });
}

/** `migrate  ./migrate up (always)`. */
export function initStepLine({ name, command, args, runIf }: ServiceSpec["initSteps"][number]): string {
  const when = typeof runIf === "string" ? runIf : `file missing: ${runIf.fileMissing}`;
  return `${name}  ${shellWords([...command, ...args])} (${when})`;
}
