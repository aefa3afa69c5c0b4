/** Refuses ports that the daemon or the proxy uses, and addresses that this machine does not have. @module */
import { hostPortsOf, otherPortHint } from "../../model/exposing.ts";
import type { FieldIssue } from "../../model/error.ts";
import type { ServiceSpec } from "../../model/service.ts";
import { isLoopback } from "../http/guard.ts";

/** A TCP port that the daemon or the proxy listens on. */
export interface ReservedPort {
  port: number;
  /** Its user, for the refusal: `the daemon's own API`. */
  usedBy: string;
}

/** The ports and addresses that the daemon's settings decide. */
export interface HostPorts {
  reserved: readonly ReservedPort[];
  /** The address for ports that name none. Default: all addresses. */
  publishOn?: string;
}

/** Finds ports and addresses that the service cannot have. A stopped service uses none. */
export function checkPorts(spec: ServiceSpec, { reserved, publishOn }: HostPorts): FieldIssue[] {
  if (spec.scale === 0) return [];
  const issues = hostPortsOf(spec).flatMap(({ hostPort, protocol, path }): FieldIssue[] => {
    const usedBy = protocol === "tcp" ? reserved.find(({ port }) => port === hostPort)?.usedBy : undefined;
    if (usedBy === undefined) return [];
    return [{
      path,
      message: `port ${hostPort} of this machine belongs to ${usedBy}`,
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
      hint: "leave out hostAddress, or run the daemon without --dev-mode",
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
