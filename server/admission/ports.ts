/** Ports and addresses of this machine that a service cannot have: the daemon's own, the proxy's, and those that are not there. @module */
import { hostPortsOf, otherPortHint } from "../../model/exposing.ts";
import type { FieldIssue } from "../../model/error.ts";
import type { ServiceSpec } from "../../model/service.ts";
import { isLoopback } from "../http/guard.ts";

/** A TCP port that the daemon, or what it runs for itself, listens on. */
export interface HeldPort {
  port: number;
  /** Whose it is, for the refusal: `the daemon's own API`. */
  holder: string;
}

/** What of the machine is settled before any service. */
export interface HostPorts {
  held: readonly HeldPort[];
  /** Where ports are published that name no address; absent: on all addresses. */
  publishOn?: string;
}

/** Ports and addresses that the service is not to have. One that is stopped takes none. */
export function checkPorts(spec: ServiceSpec, { held, publishOn }: HostPorts): FieldIssue[] {
  if (spec.scale === 0) return [];
  const issues = hostPortsOf(spec).flatMap(({ hostPort, protocol, path }): FieldIssue[] => {
    const holder = protocol === "tcp" ? held.find(({ port }) => port === hostPort)?.holder : undefined;
    if (holder === undefined) return [];
    return [{
      path,
      message: `port ${hostPort} of this machine belongs to ${holder}`,
      hint: otherPortHint(spec),
    }];
  });
  return [...issues, ...checkAddress(spec.expose?.hostAddress, publishOn)];
}

function checkAddress(address: string | undefined, publishOn: string | undefined): FieldIssue[] {
  if (address === undefined) return [];
  const path = ["expose", "hostAddress"];
  if (publishOn !== undefined && !isLoopback(address)) {
    return [{
      path,
      message: `in dev mode ports are published on ${publishOn} only, found ${address}`,
      hint: "leave hostAddress out, or run the daemon without --dev-mode",
    }];
  }
  const known = Deno.networkInterfaces().map((i) => i.address);
  const special = isLoopback(address) || address === "0.0.0.0" || address === "::";
  if (special || known.includes(address)) return [];
  return [{
    path,
    message: `this machine has no address ${address}`,
    hint: `choose one of ${[...new Set(known)].filter((a) => !a.startsWith("fe80:")).join(", ")}`,
  }];
}
