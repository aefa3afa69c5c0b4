/**
 * Records the versions of configmaps and secrets that a run uses, and finds runs with outdated ones. Pure.
 * @module
 */
import { type DataKey, type DataTemplate, dataUses, describeData } from "../../model/data_uses.ts";
import type { ConfigVersions, Instance } from "../../model/instance.ts";
import type { StaleConfig } from "../../model/service.ts";
import type { Reader } from "../../store/store.ts";

/** The version of a resource. It differs after each change, also after a deletion and recreation. */
export function versionOf(
  state: Pick<Reader, "get">,
  { kind, namespace, name }: DataKey,
): string | undefined {
  const found = state.get(kind, namespace, name);
  return found && `${found.uid}/${found.generation}`;
}

/** The current versions of all configmaps and secrets that a template uses. */
export function configVersions(state: Reader, template: DataTemplate, namespace: string): ConfigVersions {
  return Object.fromEntries(
    dataUses(template, namespace).flatMap((use) => {
      const version = versionOf(state, use);
      return version === undefined ? [] : [[describeData(use), version]];
    }),
  );
}

/**
 * The resources that changed since instances of a service were started, with these instances. Empty if all
 * instances are up to date.
 */
export function staleConfig(state: Reader, instances: Instance[]): StaleConfig[] {
  const stale = new Map<string, string[]>();
  for (const { name, namespace, spec, status, deletionRequestedAt } of instances) {
    if (status.configVersions === undefined || deletionRequestedAt !== undefined) continue;
    const now = configVersions(state, spec.template, namespace);
    for (const [config, version] of Object.entries(status.configVersions)) {
      if (now[config] === undefined || now[config] === version) continue;
      stale.set(config, [...stale.get(config) ?? [], name]);
    }
  }
  return [...stale].map(([config, names]) => ({ config, instances: names }))
    .sort((a, b) => a.config < b.config ? -1 : 1);
}
