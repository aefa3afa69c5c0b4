/**
 * Keeps the stored text of a quantity when a new text means the same (`1.0` and `1`, `1e9` and `1G`), so that
 * nothing restarts for the spelling. Older versions parsed numbers before storing them, and stored `1` for
 * `1.0`.
 * @module
 */
import { parseBytes, parseMilliCpu } from "./quantity.ts";
import type { ServiceSpec } from "./service.ts";

type Amounts = { request?: string | undefined; limit?: string | undefined };
type Parse = (text: string) => number;

/** The stored text of a size if the new one is equal, else the new one. */
export const keepEqualSize = (size: string, before: string | undefined): string =>
  keep(size, before, parseBytes);

function keep(text: string, before: string | undefined, parse: Parse): string {
  return before !== undefined && before !== text && parse(before) === parse(text) ? before : text;
}

function keepAmounts<A extends Amounts | undefined>(
  amounts: A,
  before: Amounts | undefined,
  parse: Parse,
): A {
  if (!amounts) return amounts;
  const { request, limit } = amounts;
  return {
    ...amounts,
    ...(request !== undefined && { request: keep(request, before?.request, parse) }),
    ...(limit !== undefined && { limit: keep(limit, before?.limit, parse) }),
  };
}

/** A service's spec with the stored text of each quantity that did not change in value. */
export function keepEqualQuantities(spec: ServiceSpec, before: ServiceSpec | undefined): ServiceSpec {
  if (!before) return spec;
  const { cpu, memory } = spec.resources ?? {};
  const earlier = new Map(before.volumes.map(({ name, claimTemplate }) => [name, claimTemplate?.size]));
  return {
    ...spec,
    ...(spec.resources && {
      resources: {
        ...spec.resources,
        ...(cpu && { cpu: keepAmounts(cpu, before.resources?.cpu, parseMilliCpu) }),
        ...(memory && { memory: keepAmounts(memory, before.resources?.memory, parseBytes) }),
      },
    }),
    volumes: spec.volumes.map((mount) =>
      mount.claimTemplate
        ? {
          ...mount,
          claimTemplate: {
            ...mount.claimTemplate,
            size: keepEqualSize(mount.claimTemplate.size, earlier.get(mount.name)),
          },
        }
        : mount
    ),
  };
}
