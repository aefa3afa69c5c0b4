/** Translates a run into the body of a create request. Pure, so that it can be tested as a table. @module */
import { RuneError } from "../../model/error.ts";
import { parseBytes, parseMilliCpu } from "../../model/quantity.ts";
import type { Resources, SecurityContext } from "../../model/security.ts";
import type { RunSpec } from "../runner.ts";
import { networkName, runLabels } from "./labels.ts";

/** The body of `POST /containers/create`, as far as Rune uses it. */
export interface ContainerConfig {
  Image: string;
  Hostname: string;
  Entrypoint?: string[];
  Cmd?: string[];
  Env: string[];
  User?: string;
  /** Disables the image's health check, which Rune runs itself. */
  Healthcheck: { Test: ["NONE"] };
  /** Default: the signal of the image. */
  StopSignal?: string;
  Labels: Record<string, string>;
  ExposedPorts: Record<string, Record<string, never>>;
  HostConfig: Record<string, unknown>;
  NetworkingConfig: { EndpointsConfig: Record<string, { Aliases: string[] }> };
}

/** The largest host name of Linux is 64 characters; DNS allows 63. */
const HOSTNAME_MAX = 63;

/**
 * Translates a run into the Engine's terms.
 *
 * `command` replaces the image's entrypoint and, as with `docker run --entrypoint`, the Engine then drops the
 * image's command. There is no init process: the image's own program is PID 1, as with `docker run`, because
 * images that bring an init (s6, systemd) refuse any other place.
 *
 * @param options.publishOn the address of this host on which ports are published; default: all addresses.
 * @param options.seccomp the contents of the seccomp profile, if it is a file.
 * @throws {RuneError} `invalid_argument` for a spec that a container cannot have.
 */
export function containerConfig(
  spec: RunSpec,
  options: { daemonId: string; seccomp?: string; publishOn?: string },
): ContainerConfig {
  const network = networkName(spec.namespace, options.daemonId);
  return {
    Image: imageOf(spec),
    Hostname: hostname(spec.instance),
    Entrypoint: nonEmpty(spec.command),
    Cmd: nonEmpty(spec.args),
    Env: Object.entries({ ...spec.env, ...spec.secretEnv }).map(([name, value]) => `${name}=${value}`),
    User: userOf(spec.securityContext),
    Healthcheck: { Test: ["NONE"] },
    ...(spec.stopSignal !== undefined && { StopSignal: spec.stopSignal }),
    Labels: runLabels(spec, options.daemonId),
    ExposedPorts: Object.fromEntries(spec.publish.map((p) => [`${p.port}/${p.protocol}`, {}])),
    HostConfig: {
      NetworkMode: network,
      RestartPolicy: { Name: "no" },
      // `json-file` damages text at every 16 KiB and everything that is not text. Compression would double
      // the time of a read.
      LogConfig: { Type: "local", Config: { "max-size": "10m", "max-file": "3", compress: "false" } },
      // Never `Binds`: it creates a directory if a source is missing, and a volume would look empty.
      Mounts: spec.mounts.map((mount) => ({
        Type: "bind",
        Source: mount.source,
        Target: mount.target,
        ReadOnly: mount.readOnly,
        BindOptions: { Propagation: "rprivate" },
      })),
      PortBindings: portBindings(spec, options.publishOn),
      ...limits(spec.resources),
      ...privileges(spec.securityContext, options.seccomp),
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: spec.aliases } } },
  };
}

function imageOf(spec: RunSpec): string {
  if (spec.process !== undefined) {
    throw fieldError("process", "is for process services", "remove it, or remove image");
  }
  if (spec.image === undefined) throw fieldError("image", "is missing", "name an image");
  return spec.image;
}

function nonEmpty(list: string[] | undefined): string[] | undefined {
  return list !== undefined && list.length > 0 ? list : undefined;
}

/** The name of the instance. A long service name is cut so that the ordinal stays. */
function hostname(instance: string): string {
  if (instance.length <= HOSTNAME_MAX) return instance;
  const ordinal = instance.slice(instance.lastIndexOf("-"));
  return instance.slice(0, HOSTNAME_MAX - ordinal.length).replace(/-+$/, "") + ordinal;
}

/**
 * The user of a container from its security context, in the Engine's notation; undefined if the image
 * decides.
 */
export function userOf(context: SecurityContext | undefined): string | undefined {
  if (context?.group === undefined) return context?.user;
  if (context.user === undefined) {
    // The Engine reads ":<group>" as root in that group, whatever the image says.
    throw fieldError("securityContext.group", "needs securityContext.user", "name the user too");
  }
  return `${context.user}:${context.group}`;
}

function portBindings(
  spec: RunSpec,
  publishOn?: string,
): Record<string, { HostIp?: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp?: string; HostPort: string }[]> = {};
  for (const { port, hostPort, hostAddress = publishOn, protocol } of spec.publish) {
    (bindings[`${port}/${protocol}`] ??= []).push({
      ...(hostAddress !== undefined && { HostIp: hostAddress }),
      HostPort: String(hostPort),
    });
  }
  return bindings;
}

function limits(resources: Resources | undefined): Record<string, number> {
  const { cpu, memory } = resources ?? {};
  const out: Record<string, number> = {};
  if (cpu?.limit !== undefined) out.NanoCpus = parseMilliCpu(cpu.limit) * 1_000_000;
  // The kernel requires at least 2 shares.
  if (cpu?.request !== undefined) out.CpuShares = Math.max(2, Math.round(parseMilliCpu(cpu.request) * 1.024));
  if (memory?.limit !== undefined) {
    out.Memory = parseBytes(memory.limit);
    // If both are equal, the container cannot swap.
    out.MemorySwap = out.Memory;
  }
  if (memory?.request !== undefined) out.MemoryReservation = parseBytes(memory.request);
  return out;
}

function privileges(
  context: SecurityContext | undefined,
  seccomp: string | undefined,
): Record<string, unknown> {
  if (context === undefined) return {};
  if (context.capabilities !== undefined) {
    throw fieldError("securityContext.capabilities", "is for process services", "use capAdd and capDrop");
  }
  if (context.readOnlyFS !== undefined) {
    throw fieldError("securityContext.readOnlyFS", "is for process services", "use readOnlyRootFilesystem");
  }
  const security: string[] = [];
  if (context.noNewPrivileges) security.push("no-new-privileges");
  if (context.seccompProfile === "unconfined") security.push("seccomp=unconfined");
  if (seccomp !== undefined) security.push(`seccomp=${seccomp}`);
  return {
    CapAdd: context.capAdd,
    CapDrop: context.capDrop,
    Privileged: context.privileged,
    ReadonlyRootfs: context.readOnlyRootFilesystem,
    SecurityOpt: security.length > 0 ? security : undefined,
  };
}

function fieldError(field: string, why: string, hint: string): RuneError {
  return new RuneError("invalid_argument", `${field} ${why}, in a service that runs as a container`, {
    hint,
  });
}
