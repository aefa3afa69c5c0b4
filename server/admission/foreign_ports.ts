/** Warns if a cast uses ports on which a program outside Rune listens. The cast succeeds anyway. @module */
import { findPortUse } from "../../base/port_holder.ts";
import { hostPortsOf } from "../../model/exposing.ts";
import { describeKey } from "../../model/kinds.ts";
import type { AnyResource } from "../../model/resource.ts";
import type { Service } from "../../model/service.ts";

const keyOf = ({ protocol, hostPort }: { protocol: string; hostPort: number }) => `${protocol}/${hostPort}`;

/** The ports of this machine that services declare, whether or not they listen at the moment. */
export function portsOf(services: Service[]): Set<string> {
  return new Set(services.flatMap(({ spec }) => hostPortsOf(spec).map(keyOf)));
}

/**
 * Returns the warnings after a cast, one sentence each.
 *
 * @param resources the resources that the cast wrote.
 * @param before the ports that services had before the cast. Their listeners are services, and need no
 * warning.
 */
export async function warnOfForeignPorts(resources: AnyResource[], before: Set<string>): Promise<string[]> {
  const wanted = resources.flatMap((resource) =>
    resource.kind === "service" && resource.spec.scale > 0
      ? hostPortsOf(resource.spec).map((port) => ({ service: resource, ...port }))
      : []
  ).filter((port) => port.hostAddress === undefined && !before.has(keyOf(port)));
  const warnings = await Promise.all(wanted.map(async ({ service, hostPort, protocol }) => {
    const use = await findPortUse(hostPort, protocol);
    if (!use) return [];
    const by = use.holder ? `pid ${use.holder.pid} (${use.holder.command})` : "another program";
    return [
      `service ${describeKey(service)}: port ${hostPort} of this machine is in use by ${by}; ` +
      "end that program, or choose another port",
    ];
  }));
  return warnings.flat();
}
