/**
 * Derives ports and names from a service's `expose`, and finds services that collide. Uses no schemas, so
 * that read-only clients start fast.
 * @module
 */
import type { FieldIssue } from "./error.ts";
import type { Expose, Exposure } from "./expose.ts";
import { describeKey } from "./kinds.ts";

/** The parts of a service that decide how it is exposed. */
export interface Exposing {
  image?: string;
  ports: { name?: string; port: number; protocol: "tcp" | "udp" }[];
  expose?: Expose;
  scale?: number;
}

/** The port that `expose` names. */
export interface ExposedPort {
  port: number;
  protocol: "tcp" | "udp";
}

/** A port of this machine that leads to a port of an instance. */
export interface HostPort extends ExposedPort {
  hostPort: number;
  /** If absent: all addresses that the daemon publishes on. */
  hostAddress?: string;
}

/** The exposed port of the instances; undefined if there is none, or if its name is not declared. */
export function exposedPort({ expose, ports }: Exposing): ExposedPort | undefined {
  if (!expose) return undefined;
  const declared = ports.find((p) =>
    typeof expose.port === "string" ? p.name === expose.port : p.port === expose.port
  );
  if (declared) return { port: declared.port, protocol: declared.protocol };
  return typeof expose.port === "number" ? { port: expose.port, protocol: "tcp" } : undefined;
}

/**
 * The port of this machine that a service takes through `expose`: `hostPort`, or the exposed port itself if
 * there is neither a `hostPort` nor a host name. A process always listens on the machine.
 */
export function hostPortOf(spec: Exposing): HostPort | undefined {
  const exposed = exposedPort(spec);
  if (!exposed) return undefined;
  const hostPort = spec.expose?.hostPort ??
    (spec.expose?.host === undefined || spec.image === undefined ? exposed.port : undefined);
  if (hostPort === undefined) return undefined;
  const { hostAddress } = spec.expose!;
  return { ...exposed, hostPort, ...(hostAddress !== undefined && { hostAddress }) };
}

/**
 * Every port of this machine that a service takes, with the field that declares it. A process takes each port
 * that it declares.
 */
export function hostPortsOf(spec: Exposing): (HostPort & { path: (string | number)[] })[] {
  const own = hostPortOf(spec);
  const exposed = own
    ? [{ ...own, path: ["expose", spec.expose?.hostPort === undefined ? "port" : "hostPort"] }]
    : [];
  if (spec.image !== undefined) return exposed;
  const declared = spec.ports.map(({ port, protocol }, i) => ({
    ...{ port, hostPort: port, protocol },
    path: ["ports", i, "port"],
  }));
  return [...exposed, ...declared.filter((d) => !own || !collide(d, own))];
}

const ALL_ADDRESSES = ["0.0.0.0", "::"];

/** An IPv6 address has several spellings. */
function canonizeAddress(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]`).hostname : address;
}

/** Whether two ports of this machine collide. */
function collide(a: Omit<HostPort, "port">, b: Omit<HostPort, "port">): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false;
  const isEverywhere = ({ hostAddress }: { hostAddress?: string }) =>
    hostAddress === undefined || ALL_ADDRESSES.includes(hostAddress);
  return isEverywhere(a) || isEverywhere(b) ||
    canonizeAddress(a.hostAddress!) === canonizeAddress(b.hostAddress!);
}

/** The rules of `expose` that need only the service itself. */
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
  if (expose.hostAddress !== undefined) issues.push(...hostAddressIssues(spec));
  if (spec.image === undefined && expose.hostPort !== undefined && expose.hostPort !== exposed.port) {
    issues.push({
      path: ["expose", "hostPort"],
      message: `a process listens on this machine itself: expected ${exposed.port}, or no hostPort`,
    });
  }
  return issues;
}

/** `hostAddress` narrows where Docker publishes a port, and has no effect elsewhere. */
function hostAddressIssues(spec: Exposing): FieldIssue[] {
  const path = ["expose", "hostAddress"];
  if (spec.image === undefined) {
    return [{
      path,
      message: "a process opens its own port, so Rune cannot choose the address",
      hint:
        "remove hostAddress, and make the program listen on that address (often with an option such as --host)",
    }];
  }
  if (hostPortOf(spec)) return [];
  return [{
    path,
    message: "no port of this machine is published, so hostAddress has no effect",
    hint:
      "remove hostAddress, or publish a port with hostPort; host names are served where the proxy listens",
  }];
}

/** A host port belongs to one instance, which limits the scale. */
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

/**
 * What exposed services hold alone, indexed by host name and by port, so that a check need not compare all
 * services.
 */
export class Exposures<S extends NamedExposing> {
  readonly #services = new Map<string, S>();
  readonly #users = new Map<string, Set<string>>();

  constructor(services: Iterable<S> = []) {
    for (const service of services) this.set(service);
  }

  /** Adds a service, replacing an earlier one with the same key. */
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

  /** Services that hold a name or port that `service` wants. */
  listSharing({ spec }: NamedExposing): S[] {
    const keys = new Set(claimsOf(spec).flatMap((claim) => [...this.#users.get(claim) ?? []]));
    return [...keys].map((key) => this.#services.get(key)!);
  }
}

/**
 * The host name and the ports that a service holds alone. A stopped service needs no port, and can wait for
 * it when it starts.
 */
function claimsOf(spec: Exposing): string[] {
  const { host } = spec.expose ?? {};
  const own = (spec.scale ?? 1) > 0 ? hostPortsOf(spec) : [];
  return [
    ...host === undefined ? [] : [host],
    ...own.map(({ protocol, hostPort }) => `${protocol}/${hostPort}`),
  ];
}

/** Reports a host name or a port of this machine that another service already holds. */
export function checkExposedOnce(
  service: NamedExposing,
  { others, describe = (other) => `service ${describeKey(other)}` }: {
    others: Iterable<NamedExposing>;
    /** Names another service to the author of this one. */
    describe?: (other: NamedExposing) => string;
  },
): FieldIssue[] {
  const { host } = service.spec.expose ?? {};
  const own = hostPortsOf(service.spec);
  if (host === undefined && own.length === 0) return [];
  const issues: FieldIssue[] = [];
  for (const other of others) {
    if (other.namespace === service.namespace && other.name === service.name) continue;
    if (host !== undefined && other.spec.expose?.host === host) {
      issues.push({
        path: ["expose", "host"],
        message: `host name "${host}" is exposed by ${describe(other)}`,
        hint: "choose another name, or remove it from that service first",
      });
    }
    // A stopped service needs no port, and can wait for it when it starts.
    if ((service.spec.scale ?? 1) === 0 || (other.spec.scale ?? 1) === 0) continue;
    for (const theirs of hostPortsOf(other.spec)) {
      const mine = own.find((port) => collide(port, theirs));
      if (!mine) continue;
      issues.push({
        path: mine.path,
        message: `port ${mine.hostPort} of this machine ${
          theirs.path[0] === "expose" ? "is exposed by" : "belongs to a process of"
        } ${describe(other)}`,
        hint: otherPortHint(service.spec),
      });
    }
  }
  return issues;
}

/** A hint for a port of this machine that another service or program holds. */
export function otherPortHint({ image }: Exposing): string {
  return image === undefined
    ? "make the program listen on another port, and declare that port"
    : "choose another hostPort, or a host name: any number of services share the proxy's ports";
}

/** The proxy's last report on the host name that a service has now. */
export function exposureOf(
  { spec, status }: { spec: Exposing; status: { exposure?: Exposure } },
): Exposure | undefined {
  return status.exposure && status.exposure.host === spec.expose?.host ? status.exposure : undefined;
}

/** The parts of a service that tell where it can be reached. */
interface Exposed {
  spec: Exposing;
  status: { exposure?: Exposure; published?: string[] };
}

/** Where a service can be reached from outside now: `http://api.local:7880`, `0.0.0.0:8080/tcp`. */
export function externalAddresses(service: Exposed, machine: string): string[] {
  const exposure = exposureOf(service);
  const { host } = service.spec.expose ?? {};
  // The proxy has not reported yet.
  const names = exposure?.urls ?? (host === undefined ? [] : [host]);
  return [...names, ...boundPorts(service, machine)];
}

/** Rune does not see what a process binds, nor what no daemon has looked at yet. */
function boundPorts({ spec, status: { published } }: Exposed, machine: string): string[] {
  const own = hostPortOf(spec);
  if (!own || published) return published ?? [];
  const isProcess = spec.image === undefined;
  return [`${machine}:${own.hostPort}${isProcess ? `/${own.protocol}` : ""}`];
}

/** The same in short, for a table: one address for each way. Undefined if nothing is bound. */
export function externalAddress(service: Exposed, machine: string): string | undefined {
  const ports = boundPorts(service, machine);
  // The IPv6 twin of 0.0.0.0.
  const plain = ports.filter((address) => !address.startsWith("[::]:"));
  const [name] = externalAddresses({ ...service, status: { ...service.status, published: [] } }, machine);
  const shown = [...name === undefined ? [] : [name], ...plain.length > 0 ? plain : ports];
  return shown.length === 0 ? undefined : shown.join(",");
}

/** Whether one of its ports is published on all addresses of the machine. */
export function isOpen({ status }: { status: { published?: string[] } }): boolean {
  return (status.published ?? []).some((address) =>
    ALL_ADDRESSES.some((all) => address.startsWith(all === "::" ? "[::]:" : `${all}:`))
  );
}
