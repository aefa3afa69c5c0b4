/** Finds which configmaps and secrets a service takes values from. Pure. @module */
import type { InstanceTemplate } from "./instance.ts";
import { describeKey } from "./kinds.ts";
import { type NameRef, parseNameRef } from "./name.ts";
import { envRefs } from "./secret.ts";

/** The kinds that hold data for services. */
export type DataKind = "configmap" | "secret";

/** A configmap or secret, by name. */
export interface DataKey extends NameRef {
  kind: DataKind;
}

/** One use of a configmap or secret by a template. */
export interface DataUse extends DataKey {
  /** Keys that must exist; absent if the template takes every key. */
  keys?: string[];
}

/** The fields of a template that name configmaps and secrets. */
export type DataTemplate = Pick<
  InstanceTemplate,
  "env" | "envFrom" | "configMounts" | "secretMounts" | "process" | "initSteps"
>;

/** The configmap or secret that a source or mount of a service in `namespace` names. */
export function dataKey(
  use: { configName: string } | { secretName: string },
  namespace: string,
): DataKey {
  return "secretName" in use
    ? { kind: "secret", ...parseNameRef(use.secretName, namespace)! }
    : { kind: "configmap", ...parseNameRef(use.configName, namespace)! };
}

/** Every use of configmaps and secrets in a template. */
export function dataUses(template: DataTemplate, namespace: string): DataUse[] {
  const { env, process, initSteps, envFrom, configMounts, secretMounts } = template;
  const variables = [env, process?.env ?? {}, ...initSteps.map((step) => step.env)].flatMap(
    Object.values<string>,
  );
  const references = variables.flatMap((text) => envRefs(text, namespace)).filter((ref) => ref !== null);
  return [
    ...references.map(({ key, ...secret }): DataUse => ({ kind: "secret", ...secret, keys: [key] })),
    ...envFrom.map((source): DataUse => dataKey(source, namespace)),
    ...[...secretMounts, ...configMounts].map((mount): DataUse => ({
      ...dataKey(mount, namespace),
      ...(mount.items && { keys: mount.items.map((item) => item.key) }),
    })),
  ];
}

/** `configmap default/app`. */
export const describeData = (key: DataKey): string => `${key.kind} ${describeKey(key)}`;

/** Whether a template uses this configmap or secret. */
export function usesData(template: DataTemplate, namespace: string, key: DataKey): boolean {
  return dataUses(template, namespace).some((use) =>
    use.kind === key.kind && use.namespace === key.namespace && use.name === key.name
  );
}
