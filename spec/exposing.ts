/** What follows from a service's `expose`: ports, and what two services may not share. Free of schemas, for clients that only read. @module */
import type { FieldIssue } from "./error.ts";
import type { Expose, Exposure } from "./expose.ts";
import { describeKey } from "./kinds.ts";

/** What of a service decides how it is exposed. */
export interface Exposing {
  image?: string;
  ports: { name?: string; port: number; protocol: "tcp" | "udp" }[];
  expose?: Expose;
  scale?: number;
}

/** A port that `expose` speaks of. */
export interface ExposedPort {
  port: number;
  protocol: "tcp" | "udp";
}

/** The instances' port that is exposed; undefined when none is, or its name is not known. */
export function exposedPort({ expose, ports }: Exposing): ExposedPort | undefined {
  if (!expose) return undefined;
  const declared = ports.find((p) =>
    typeof expose.port === "string" ? p.name === expose.port : p.port === expose.port
  );
  if (declared) return { port: declared.port, protocol: declared.protocol };
  return typeof expose.port === "number" ? { port: expose.port, protocol: "tcp" } : undefined;
}

/**
 * The port of this machine that is a service's own: `hostPort`, or without that and without a host name the port itself. A process
 * listens on the machine in any case.
 */
export function hostPortOf(spec: Exposing): ExposedPort & { hostPort: number } | undefined {
  const exposed = exposedPort(spec);
  if (!exposed) return undefined;
  const hostPort = spec.expose?.hostPort ??
    (spec.expose?.host === undefined || spec.image === undefined ? exposed.port : undefined);
  return hostPort === undefined ? undefined : { ...exposed, hostPort };
}

/** The rules of `expose` that need nothing but the service itself. */
export function exposeIssues(spec: Exposing): FieldIssue[] {
  const { expose, ports } = spec;
  if (!expose) return [];
  const exposed = exposedPort(spec);
  if (!exposed) {
    const known = ports.flatMap((p) => p.name ?? []).join(", ") || "none";
    return [{ path: ["expose", "port"], message: `no port is named "${expose.port}"; known: ${known}` }];
  }
  const issues: FieldIssue[] = [];
  if (expose.host !== undefined && exposed.protocol === "udp") {
    issues.push({
      path: ["expose", "host"],
      message: `a host name leads to HTTP: port ${exposed.port} is udp`,
    });
  }
  if (spec.image === undefined && expose.hostPort !== undefined && expose.hostPort !== exposed.port) {
    issues.push({
      path: ["expose", "hostPort"],
      message: `a process listens on this machine itself: expected ${exposed.port}, or no hostPort`,
    });
  }
  return issues;
}

/** A host port is one instance's: what a scale must fit. */
export function checkExposedScale(spec: Exposing & { scale: number }): FieldIssue[] {
  const own = hostPortOf(spec);
  if (!own || spec.image === undefined || spec.scale <= 1) return [];
  return [{
    path: ["scale"],
    message:
      `port ${own.hostPort} of this machine is published to one instance: expected scale 1, found ${spec.scale}`,
    hint: spec.expose?.host === undefined
      ? "give it a name instead of a port: expose.host leads to any number of instances"
      : "remove expose.hostPort: expose.host leads to any number of instances",
  }];
}

/** A service by name. */
export interface NamedExposing {
  namespace: string;
  name: string;
  spec: Exposing;
}

/** What exposed services have for themselves, by name and by port: who shares one is found without looking at all of them. */
export class Exposures<S extends NamedExposing> {
  readonly #services = new Map<string, S>();
  readonly #users = new Map<string, Set<string>>();

  constructor(services: Iterable<S> = []) {
    for (const service of services) this.set(service);
  }

  /** Takes a service in place of an earlier one of its key. */
  set(service: S): void {
    const key = describeKey(service);
    const before = this.#services.get(key);
    for (const claim of before ? claimsOf(before.spec) : []) this.#users.get(claim)?.delete(key);
    this.#services.delete(key);
    const claims = claimsOf(service.spec);
    if (claims.length === 0) return;
    this.#services.set(key, service);
    for (const claim of claims) {
      const users = this.#users.get(claim);
      if (users) users.add(key);
      else this.#users.set(claim, new Set([key]));
    }
  }

  /** Services that have something of what `service` is to have. */
  sharing({ spec }: NamedExposing): S[] {
    const keys = new Set(claimsOf(spec).flatMap((claim) => [...this.#users.get(claim) ?? []]));
    return [...keys].map((key) => this.#services.get(key)!);
  }
}

/** The name and the port that a service has for itself. A stopped service needs no port, and may wait for it when it is started. */
function claimsOf(spec: Exposing): string[] {
  const { host } = spec.expose ?? {};
  const own = (spec.scale ?? 1) > 0 ? hostPortOf(spec) : undefined;
  return [...host === undefined ? [] : [host], ...own ? [`${own.protocol}/${own.hostPort}`] : []];
}

/** Whether a service has what is another's already: a host name, or a port of this machine. */
export function checkExposedOnce(
  service: NamedExposing,
  { others, describe = (other) => `service ${describeKey(other)}` }: {
    others: Iterable<NamedExposing>;
    /** Names one of them to whoever declared the service. */
    describe?: (other: NamedExposing) => string;
  },
): FieldIssue[] {
  const { host } = service.spec.expose ?? {};
  const own = hostPortOf(service.spec);
  if (host === undefined && !own) return [];
  const issues: FieldIssue[] = [];
  for (const other of others) {
    if (other.namespace === service.namespace && other.name === service.name) continue;
    if (host !== undefined && other.spec.expose?.host === host) {
      issues.push({
        path: ["expose", "host"],
        message: `host name "${host}" is exposed by ${describe(other)}`,
        hint: "choose another name, or take it from that service first",
      });
    }
    const theirs = hostPortOf(other.spec);
    // A stopped service needs no port, and may wait for it when it is started.
    const both = (service.spec.scale ?? 1) > 0 && (other.spec.scale ?? 1) > 0;
    if (own && theirs && both && own.hostPort === theirs.hostPort && own.protocol === theirs.protocol) {
      issues.push({
        path: ["expose", service.spec.expose?.hostPort === undefined ? "port" : "hostPort"],
        message: `port ${own.hostPort} of this machine is exposed by ${describe(other)}`,
        hint: "choose another hostPort, or a host name: any number of services share the proxy's ports",
      });
    }
  }
  return issues;
}

/** What the proxy said of the host name that a service has now. */
export function exposureOf(
  { spec, status }: { spec: Exposing; status: { exposure?: Exposure } },
): Exposure | undefined {
  return status.exposure && status.exposure.host === spec.expose?.host ? status.exposure : undefined;
}

/** Where a service is reached from outside, in short: `api.local`, `box:8080`; undefined when it is not exposed. */
export function externalAddress(
  service: { spec: Exposing; status: { exposure?: Exposure } },
  machine: string,
): string | undefined {
  const { host } = service.spec.expose ?? {};
  if (host !== undefined) {
    const [url] = exposureOf(service)?.urls ?? [];
    return url === undefined ? host : new URL(url).host;
  }
  const own = hostPortOf(service.spec);
  return own && `${machine}:${own.hostPort}`;
}
